import { OneDriveTokenError, type SignInMethod } from 'onedrive-token-handler';
import { ownerOf, userName } from '../terminal/users.ts';
import { defaultTimeoutMs } from './common-options.ts';
import { keyringFile, readKeyringAccount } from './remembered-keyring.ts';
import type { Settings } from './settings.ts';
import { suggestCommand } from './suggest-command.ts';

/** The method of a sign-in, as the person sees it. `address`: the method is `browser`, but none opens here. */
export type ShownMethod = SignInMethod | 'address';

/** What the words of an error depend on. */
export interface ErrorContext {
  readonly settings: Settings;
  /** Set from the start of a sign-in until it succeeds. */
  readonly signInMethod?: ShownMethod | undefined;
  /** The person interrupted the command when the sign-in could not be stopped any more, so it was stored. */
  readonly isSignInKept?: boolean | undefined;
}

/** Says what went wrong and what to do. It may quote the provider: pass it through `printable` before it is shown. */
export function describeError(error: unknown, context?: ErrorContext): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof OneDriveTokenError)) return error.message;
  const storeError = storeErrorOf(error);
  const { code, reason } = storeError ?? error;
  const say = words[`${code}/${reason}`] ?? words[code];
  if (!say) return withIds(error.message, error);
  return say({ error, file: storeError?.path ?? context?.settings.db ?? 'the database', ...context });
}

/** True if the database could not be opened because its key is missing, wrong or not needed. */
export function isKeyError(error: unknown): boolean {
  return error instanceof OneDriveTokenError && storeErrorOf(error)?.code === 'STORE_KEY';
}

interface Failed extends Partial<ErrorContext> {
  readonly error: OneDriveTokenError;
  /** The database. */
  readonly file: string;
}

/**
 * The command's own words, by `CODE/reason`, else by `CODE`: for the errors whose message tells a programmer which function to
 * call. All others keep the message of the library, which is written for any person.
 */
const words: Record<string, ((failed: Failed) => string) | undefined> = {
  'SIGN_IN_REQUIRED/not-signed-in': ({ settings }) =>
    `no sign-in is stored for app name ${JSON.stringify(settings?.app)} with this client id and authority. ${runLogin(settings)}`,
  'SIGN_IN_REQUIRED/refused': ({ error, signInMethod, settings }) =>
    `the provider refused ${refusedThing(signInMethod)}${inBrackets(causes(error))}.${hintAfterRefusal(signInMethod)} ${runLogin(settings)}`,
  'SIGN_IN_REQUIRED/not-accepted': ({ settings }) =>
    `the stored sign-in lacks a permission that is needed now. ${runLogin(settings)}`,
  'SIGN_IN_REQUIRED/signed-out': ({ settings }) =>
    `a logout deleted the tokens while this command ran. ${runLogin(settings)}`,
  SIGN_IN_REQUIRED: ({ error, settings }) => `a sign-in is needed${inBrackets(causes(error))}. ${runLogin(settings)}`,
  SIGN_IN_TIMEOUT: ({ error, signInMethod, settings }) =>
    withIds(describeTimeout(signInMethod ?? 'other process', settings), error),
  CLOSED: () => 'this command ended before it had a token. Run it again.',
  'STORE_KEY/not-encrypted': ({ file, settings }) =>
    `${file}: is not encrypted. Leave out ONEDRIVE_TOKEN_KEY and --key-file. To encrypt it, run: ${rekeyCommand(settings)}`,
  'STORE_KEY/key-missing': ({ file, settings }) => `${file}: is encrypted. ${keySources(file, settings)}`,
  'STORE_KEY/key-wrong': ({ file, settings }) =>
    `${file}: is encrypted with another key. ${keySources(file, settings)}`,
  'STORE_KEY/key-changed': ({ file }) => `${file}: its key was changed while this command ran. Run it again.`,
  STORE_KEY: ({ file, settings }) => `${file}: does not open with this key. ${keySources(file, settings)}`,
  'STORE_OPEN/no-permission': ({ file }) =>
    `${file}: user ${userName()} may not read it${ownerOf(file)}. Run the command as that user, or choose another database with --db`,
  'STORE_READONLY/unfinished-write': ({ file, settings }) =>
    `${file}: a command was killed while it wrote, and this command only reads. To repair it, run: ${suggestCommand('token', settings)}`,
  'STORE_OPEN/closed': ({ file }) => `${file}: was closed before this command was done. Run it again.`,
  'STORE_OPEN/moved': ({ file }) => `${file}: was moved, replaced or deleted while this command ran. Run it again.`,
  'STORE_OPEN/foreign': ({ error, file, settings }) =>
    isPostgres(settings)
      ? `${error.message}: name another one in the URL, for example ?options=-c%20search_path%3Dtokens`
      : `${file}: is the database of another program, and was left as it is. Choose another file with --db.`,
  STORE_VERSION: ({ file, settings }) =>
    `${file}: was written by a newer version of this command. Run: npm install --global onedrive-token${isPostgres(settings) ? ' token-store-postgres' : ''}`,
};

function describeTimeout(method: ShownMethod | 'other process', settings: Settings | undefined): string {
  // Without --timeout, a device code is waited for as long as it lives.
  if (method === 'device' && settings?.timeout === undefined) {
    return 'the code expired before it was entered and confirmed. Run the command again for a new code, or use login --paste.';
  }
  return `${timeouts[method]((settings?.timeout ?? defaultTimeoutMs) / 1000)} Allow more time with --timeout SECONDS.`;
}

/** The words for a sign-in that timed out, by its method. `other process`: another process held the sign-in lock all the time. */
const timeouts: Record<ShownMethod | 'other process', (seconds: number) => string> = {
  browser: (seconds) =>
    `the browser sign-in was not finished within ${seconds} s. If no browser opened, open the shown address yourself, or use login --paste or login --device.`,
  address: (seconds) =>
    `the sign-in was not finished within ${seconds} s: no browser on this computer came back, and no address was pasted. Run the command again, or use login --device.`,
  device: (seconds) =>
    `the code was not entered and confirmed within ${seconds} s, or it expired. Run the command again for a new code, or use login --paste.`,
  paste: (seconds) =>
    `no address was pasted within ${seconds} s. Run the command again, sign in, and paste the address of the page on which the browser ends.`,
  'other process': (seconds) =>
    `another process was signing in, and did not finish within ${seconds} s. Run the command again.`,
};

function refusedThing(signInMethod: ShownMethod | undefined): string {
  if (signInMethod === undefined) return 'the stored sign-in';
  return signInMethod === 'device' ? 'the device code' : 'the code of this sign-in';
}

function hintAfterRefusal(signInMethod: ShownMethod | undefined): string {
  if (signInMethod === undefined) return '';
  return signInMethod === 'device'
    ? ' Device codes are unreliable for personal accounts: sign in with the browser.'
    : ' It was too old, or a browser extension or a reloaded page used it first.';
}

function runLogin(settings: Settings | undefined): string {
  return `Run: ${suggestCommand('login', settings)}`;
}

/** Without --key-file: the database has no passphrase yet. */
function rekeyCommand(settings: Settings | undefined): string {
  const { keyFile: _keyFile, ...flags } = settings?.flags ?? {};
  return suggestCommand('rekey --encrypt', settings && { ...settings, flags });
}

function isPostgres(settings: Settings | undefined): boolean {
  return settings?.postgresUrl !== undefined;
}

function keySources(db: string, settings: Settings | undefined): string {
  const sources = 'The passphrase comes from ONEDRIVE_TOKEN_KEY, from --key-file, or from you on a terminal.';
  if (isPostgres(settings)) return sources;
  return readKeyringAccount(db) === undefined
    ? `${sources} If it was encrypted with --keyring, ${keyringFile(db)} is missing.`
    : 'The keyring has a key for it: leave out ONEDRIVE_TOKEN_KEY and --key-file.';
}

/** Why the provider refused: its error and explanation, Microsoft's numbers, and what Microsoft's support asks for. */
function causes(failed: OneDriveTokenError): string[] {
  const { error, errorDescription = '', errorCodes = [] } = failed;
  const numbers = errorCodes.map((number) => `AADSTS${number}`).filter((number) => !errorDescription.includes(number));
  const explained = [error, errorDescription].filter(Boolean).join(': ');
  return [explained, ...numbers, ...requestIds(failed)].filter(Boolean);
}

function requestIds({ correlationId, traceId }: OneDriveTokenError): string[] {
  return [correlationId && `correlation id ${correlationId}`, traceId && `trace id ${traceId}`].filter(
    (id) => id !== undefined && id !== '',
  ) as string[];
}

function withIds(message: string, error: OneDriveTokenError): string {
  return message + inBrackets(requestIds(error));
}

function inBrackets(parts: readonly string[]): string {
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

interface StoreError {
  code: string;
  reason?: string;
  path?: string;
}

/** What the store said: a TokenStoreError, read without a dependency on its package. */
export function storeErrorOf({ code, cause }: Pick<OneDriveTokenError, 'code' | 'cause'>): StoreError | undefined {
  return code === 'STORE' && cause instanceof Error && 'code' in cause ? (cause as Error & StoreError) : undefined;
}
