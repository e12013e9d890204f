// The command's words and exit status for each error. A new code or reason without words does not compile.
import { OneDriveTokenError, type SignInMethod, type SignInReason } from 'onedrive-token-handler';
import { exitStatus, Failure, joinProblem, type Problem } from '../terminal/failure.ts';
import { ownerOf, userName } from '../terminal/users.ts';
import { defaultTimeoutMs } from './options.ts';
import { keyringFile, readKeyringAccount } from './remembered-keyring.ts';
import type { Settings } from './settings.ts';
import { suggestCommand } from './suggest-command.ts';

/** The method of a sign-in, as the person sees it. `address`: the method is `browser`, but none opens here. */
export type ShownMethod = SignInMethod | 'address';

/** What the words of an error depend on. */
export interface ErrorContext {
  /** Absent if the options could not be read. */
  readonly settings?: Settings | undefined;
  /** Set from the start of a sign-in until it succeeds. */
  readonly signInMethod?: ShownMethod | undefined;
  /** The person interrupted the command when the sign-in could not be stopped any more, so it was stored. */
  readonly isSignInKept?: boolean | undefined;
}

export interface DescribedError extends Problem {
  /** The exit status of a command that fails with this error. */
  readonly status: number;
}

interface Failed extends ErrorContext {
  readonly error: OneDriveTokenError;
}

/** Says what went wrong and what to do. It may quote the provider: pass it through `printable` before it is shown. */
export function describeError(error: unknown, context: ErrorContext = {}): DescribedError {
  if (error instanceof Failure) return error;
  if (error instanceof OneDriveTokenError) return describe({ error, ...context });
  return { problem: error instanceof Error ? error.message : String(error), status: exitStatus.failed };
}

/** The same as one text. */
export function sayError(error: unknown, context?: ErrorContext): string {
  return joinProblem(describeError(error, context));
}

/** The command's own words where those of the library tell a programmer which function to call; else the library's. */
function describe(failed: Failed): DescribedError {
  const { error } = failed;
  switch (error.code) {
    case 'SIGN_IN_REQUIRED':
      return { ...describeSignInRequired(failed), status: exitStatus.signInNeeded };
    case 'SIGN_IN_DENIED':
      return { ...withIds(error), status: exitStatus.denied };
    case 'SIGN_IN_TIMEOUT':
      return { ...withIds(error, describeTimeout(failed)), status: exitStatus.timedOut };
    case 'NETWORK':
    case 'SERVER':
    case 'THROTTLED':
    case 'RESPONSE':
      // For example after a certificate that is not trusted, later does not help.
      return { ...withIds(error), status: error.retryable ? exitStatus.unavailable : exitStatus.failed };
    case 'CONFIGURATION':
      // With an OAuth error the provider refused the registration; without one the command line is wrong.
      return { ...withIds(error), status: error.error === undefined ? exitStatus.usage : exitStatus.failed };
    case 'STORE':
      return describeStore(failed);
    case 'CLOSED':
      return {
        problem: 'this command ended before it had a token',
        remedy: 'Run it again',
        status: exitStatus.failed,
      };
  }
}

function describeSignInRequired({ error, signInMethod, settings }: Failed): Problem {
  const remedy = `Run: ${suggestCommand('login', settings)}`;
  const words: Record<SignInReason, Problem> = {
    'not-signed-in': {
      problem: `no sign-in is stored for app name ${JSON.stringify(settings?.app)} with this client id and authority`,
    },
    refused: {
      problem: `the provider refused ${refusedThing(signInMethod)}${inBrackets(causes(error))}`,
      remedy: `${hintAfterRefusal(signInMethod)}${remedy}`,
    },
    'not-accepted': { problem: 'the stored sign-in lacks a permission that is needed now' },
    'signed-out': { problem: 'a logout deleted the tokens while this command ran' },
  };
  const { reason } = error;
  const unknown = { problem: `a sign-in is needed${inBrackets(causes(error))}` };
  return { remedy, ...(reason === undefined ? unknown : words[reason]) };
}

function refusedThing(signInMethod: ShownMethod | undefined): string {
  if (signInMethod === undefined) return 'the stored sign-in';
  return signInMethod === 'device' ? 'the device code' : 'the code of this sign-in';
}

function hintAfterRefusal(signInMethod: ShownMethod | undefined): string {
  if (signInMethod === undefined) return '';
  return signInMethod === 'device'
    ? 'Device codes are unreliable for personal accounts: sign in with the browser. '
    : 'It was too old, or a browser extension or a reloaded page used it first. ';
}

function describeTimeout({ signInMethod, settings }: Failed): Problem {
  const { timeout } = settings ?? {};
  // Without --timeout, a device code is waited for as long as it lives.
  if (signInMethod === 'device' && timeout === undefined) {
    return {
      problem: 'the code expired before it was entered and confirmed',
      remedy: 'Run the command again for a new code, or use login --paste',
    };
  }
  const [happened, toDo] = timeouts[signInMethod ?? 'other process'];
  return {
    problem: `${happened} within ${(timeout ?? defaultTimeoutMs) / 1000} s`,
    remedy: `${toDo}. Allow more time with --timeout SECONDS`,
  };
}

/** The words for a sign-in that timed out, by its method. `other process`: another process held the sign-in lock all the time. */
const timeouts: Record<ShownMethod | 'other process', readonly [happened: string, toDo: string]> = {
  browser: [
    'the browser sign-in was not finished',
    'If no browser opened, open the shown address yourself, or use login --paste or login --device',
  ],
  address: [
    'no browser on this computer came back, and no address was pasted',
    'Run the command again, or use login --device',
  ],
  device: ['the code was not entered and confirmed', 'Run the command again for a new code, or use login --paste'],
  paste: [
    'no address was pasted',
    'Run the command again, sign in, and paste the address of the page on which the browser ends',
  ],
  'other process': ['another process was signing in, and did not finish', 'Run the command again'],
};

/** True if the database could not be opened because its key is missing, wrong or not needed. */
export function isKeyError(error: unknown): boolean {
  return error instanceof OneDriveTokenError && storeErrorOf(error)?.code === 'STORE_KEY';
}

function describeStore(failed: Failed): DescribedError {
  const { error, settings } = failed;
  const { code, reason, path: file = settings?.db ?? 'the database' } = storeErrorOf(error) ?? {};
  const words =
    (reason && storeWords[reason]?.({ ...failed, file })) || (code && codeWords[code]?.({ ...failed, file }));
  return { ...(words || withIds(error)), status: statusOfStore(error) };
}

function statusOfStore(error: OneDriveTokenError): number {
  const { code, reason } = storeErrorOf(error) ?? {};
  // A server that cannot be reached comes back by itself.
  if (reason === 'unreachable') return exitStatus.unavailable;
  // A full disk does not get empty by itself. Else, what may succeed later waits for another process.
  const isLocked = code === 'STORE_BUSY' || (error.retryable && code !== 'STORE_FULL');
  return isLocked ? exitStatus.databaseLocked : exitStatus.database;
}

interface StoreFailed extends Failed {
  /** The database. */
  readonly file: string;
}
type StoreWords = (failed: StoreFailed) => Problem | undefined;

const storeWords: Record<string, StoreWords | undefined> = {
  'not-encrypted': ({ file, settings }) => ({
    problem: `${file}: is not encrypted`,
    remedy: `Leave out ONEDRIVE_TOKEN_KEY and --key-file. To encrypt it, run: ${rekeyCommand(settings)}`,
  }),
  'key-missing': ({ file, settings }) => ({ problem: `${file}: is encrypted`, remedy: keySources(file, settings) }),
  'key-wrong': ({ file, settings }) => ({
    problem: `${file}: is encrypted with another key`,
    remedy: keySources(file, settings),
  }),
  'key-changed': ({ file }) => ({
    problem: `${file}: its key was changed while this command ran`,
    remedy: 'Run it again',
  }),
  'no-permission': ({ error, file }) =>
    storeErrorOf(error)?.code === 'STORE_OPEN'
      ? {
          problem: `${file}: user ${userName()} may not read it${ownerOf(file)}`,
          remedy: 'Run the command as that user, or choose another database with --db',
        }
      : undefined,
  'unfinished-write': ({ file, settings }) => ({
    problem: `${file}: a command was killed while it wrote, and this command only reads`,
    remedy: `To repair it, run: ${suggestCommand('token', settings)}`,
  }),
  closed: ({ file }) => ({ problem: `${file}: was closed before this command was done`, remedy: 'Run it again' }),
  moved: ({ file }) => ({
    problem: `${file}: was moved, replaced or deleted while this command ran`,
    remedy: 'Run it again',
  }),
  foreign: ({ error, file, settings }) =>
    isPostgres(settings)
      ? {
          problem: error.message,
          remedy: 'Name another one in the URL, for example ?options=-c%20search_path%3Dtokens',
        }
      : {
          problem: `${file}: is the database of another program, and was left as it is`,
          remedy: 'Choose another file with --db',
        },
};

const codeWords: Record<string, StoreWords | undefined> = {
  STORE_KEY: ({ file, settings }) => ({
    problem: `${file}: does not open with this key`,
    remedy: keySources(file, settings),
  }),
  STORE_VERSION: ({ file, settings }) => ({
    problem: `${file}: was written by a newer version of this command`,
    remedy: `Run: npm install --global onedrive-token${isPostgres(settings) ? ' token-store-postgres' : ''}`,
  }),
};

/** Without --key-file: the database has no passphrase yet. */
function rekeyCommand(settings: Settings | undefined): string {
  const { keyFile: _keyFile, ...flags } = settings?.flags ?? {};
  return suggestCommand('rekey --encrypt', settings && { ...settings, flags });
}

function isPostgres(settings: Settings | undefined): boolean {
  return settings?.postgresUrl !== undefined;
}

function keySources(db: string, settings: Settings | undefined): string {
  const sources = 'The passphrase comes from ONEDRIVE_TOKEN_KEY, from --key-file, or from you on a terminal';
  if (isPostgres(settings)) return sources;
  return readKeyringAccount(db) === undefined
    ? `${sources}. If it was encrypted with --keyring, ${keyringFile(db)} is missing`
    : 'The keyring has a key for it: leave out ONEDRIVE_TOKEN_KEY and --key-file';
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

/** The words, by default those of the error itself, with what Microsoft's support asks for. */
function withIds(error: OneDriveTokenError, words: Problem = wordsOf(error)): Problem {
  return { ...words, problem: words.problem + inBrackets(requestIds(error)) };
}

function wordsOf(error: Error & Partial<Problem>): Problem {
  return { problem: error.problem ?? error.message, remedy: error.remedy };
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
