// The command's words and exit status for each error. A new code or reason without words does not compile.
import { inspect } from 'node:util';
import {
  OneDriveTokenError,
  type SignInMethod,
  type SignInReason,
  type TokenStoreErrorCode,
  type TokenStoreErrorReason,
} from 'onedrive-token-handler';
import { exitStatus, Failure, joinProblem, type Problem } from '../terminal/failure.ts';
import { Interrupted } from '../terminal/interrupt.ts';
import { printable } from '../terminal/printable.ts';
import { OutputClosed, writeErr } from '../terminal/streams.ts';
import { ownerOf, userName } from '../terminal/users.ts';
import { defaultTimeoutMs } from './options.ts';
import { keyringFile, readKeyringAccount } from './private-files.ts';
import type { Settings } from './settings.ts';
import { suggestCommand } from './suggest-command.ts';

/** The method of a sign-in, as the person sees it. `address`: the method is `browser`, but none opens here. */
export type ShownMethod = SignInMethod | 'address';

/** What the words of an error depend on. */
export interface ErrorContext {
  /** Absent if the options could not be read. */
  readonly settings?: Settings | undefined;
  /** Set from the start of a sign-in until it succeeds. */
  signInMethod?: ShownMethod | undefined;
  /** The person interrupted the command when the sign-in could not be stopped any more, so it was stored. */
  isSignInKept?: boolean | undefined;
}

export interface DescribedError extends Problem {
  /** The exit status of a command that fails with this error. */
  readonly status: number;
}

/** Says what went wrong and what to do. It may quote the provider: pass it through `printable` before it is shown. */
export function describeError(error: unknown, context: ErrorContext = {}): DescribedError {
  if (error instanceof Failure) return error;
  if (error instanceof OneDriveTokenError) return describe(error, context);
  return { problem: error instanceof Error ? error.message : String(error), status: exitStatus.failed };
}

/** The same as one text. */
export function sayError(error: unknown, context?: ErrorContext): string {
  return joinProblem(describeError(error, context));
}

/** Writes to stderr what went wrong, and returns the exit status. */
export function reportError(error: unknown, context: ErrorContext = {}): number {
  // `| head` has read enough: that is no failure.
  if (error instanceof OutputClosed) return exitStatus.done;
  const { settings, isSignInKept } = context;
  if (error instanceof Interrupted) {
    const kept = `The sign-in was complete by then, and is stored. To undo it, run: ${suggestCommand('logout', settings)}`;
    writeErr(`${error.message}${isSignInKept ? ` ${kept}` : ''}\n`);
    return error.status;
  }
  const described = describeError(error, context);
  writeErr(`onedrive-token: ${printable(joinProblem(described))}\n`);
  if (settings?.verbose) writeErr(`${printable(inspect(error))}\n`);
  return described.status;
}

/** Warns that a token, which the caller already has, is not in the database. */
export function reportNotStored(error: unknown, context: ErrorContext): void {
  writeErr(`onedrive-token: the token works, but could not be stored: ${printable(sayError(error, context))}\n`);
}

/** The command's own words where those of the library tell a programmer which function to call; else the library's. */
function describe(error: OneDriveTokenError, context: ErrorContext): DescribedError {
  switch (error.code) {
    case 'SIGN_IN_REQUIRED':
      return { ...describeSignInRequired(error, context), status: exitStatus.signInNeeded };
    case 'SIGN_IN_DENIED':
      return { ...withIds(error), status: exitStatus.denied };
    case 'SIGN_IN_TIMEOUT':
      return { ...withIds(error, describeTimeout(context)), status: exitStatus.timedOut };
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
      return describeStore(error, context.settings);
    case 'CLOSED':
      return {
        problem: 'this command ended before it had a token',
        remedy: 'Run it again',
        status: exitStatus.failed,
      };
  }
}

function describeSignInRequired(error: OneDriveTokenError, { signInMethod, settings }: ErrorContext): Problem {
  const login = `Run: ${suggestCommand('login', settings)}`;
  const { reason = 'refused' } = error;
  const [refused, hint] = describeRefusal(signInMethod);
  const words: Record<SignInReason, Problem> = {
    'not-signed-in': {
      problem: `no sign-in is stored for app name ${JSON.stringify(settings?.app)} with this client id and authority`,
    },
    refused: { problem: `the provider refused ${refused}${inBrackets(causes(error))}`, remedy: `${hint}${login}` },
    'not-accepted': { problem: 'the stored sign-in lacks a permission that is needed now' },
    'signed-out': { problem: 'a logout deleted the tokens while this command ran' },
  };
  return { remedy: login, ...words[reason] };
}

/** What was refused, and what to know about that. */
function describeRefusal(signInMethod: ShownMethod | undefined): [refused: string, hint: string] {
  if (signInMethod === undefined) return ['the stored sign-in', ''];
  if (signInMethod === 'device')
    return ['the device code', 'Device codes are unreliable for personal accounts: sign in with the browser. '];
  return ['the code of this sign-in', 'It was too old, or a browser extension or a reloaded page used it first. '];
}

function describeTimeout({ signInMethod, settings }: ErrorContext): Problem {
  const { timeout } = settings ?? {};
  // Without --timeout, a device code is waited for as long as it lives.
  const seconds = signInMethod === 'device' && timeout === undefined ? undefined : (timeout ?? defaultTimeoutMs) / 1000;
  const time = seconds === undefined ? 'while its code was valid' : `within ${seconds} s`;
  const more = seconds === undefined ? '' : '. Allow more time with --timeout SECONDS';
  const remedy = `${afterTimeout[signInMethod ?? 'other process']}${more}`;
  return { problem: `the sign-in was not finished ${time}`, remedy };
}

/** By the method of the sign-in. `other process`: another process was signing in all the time. */
const afterTimeout: Record<ShownMethod | 'other process', string> = {
  browser: 'If no browser opened, open the shown address yourself, or use login --paste or login --device',
  address:
    'No browser on this computer came back, and no address was pasted. Run the command again, or use login --device',
  device: 'The code was not entered and confirmed. Run the command again for a new code, or use login --paste',
  paste: 'No address was pasted. Run the command again, and paste the address of the page on which the browser ends',
  'other process': 'Another process was signing in, and did not finish. Run the command again',
};

/** True if the database could not be opened because its key is missing, wrong or not needed. */
export function isKeyError(error: unknown): boolean {
  return error instanceof OneDriveTokenError && storeErrorOf(error)?.code === 'STORE_KEY';
}

function describeStore(error: OneDriveTokenError, settings: Settings | undefined): DescribedError {
  const store = storeErrorOf(error);
  const { code, reason, path: file = settings?.db ?? 'the database' } = store ?? {};
  const words = (reason && storeWords[reason]) ?? (code === 'STORE_VERSION' ? newerVersion : undefined);
  return {
    ...withIds(error, { ...wordsOf(store ?? error), ...words?.({ code, file, settings }) }),
    status: statusOfStore(error),
  };
}

function statusOfStore(error: OneDriveTokenError): number {
  const { code, reason } = storeErrorOf(error) ?? {};
  // A server that cannot be reached comes back by itself.
  if (reason === 'unreachable') return exitStatus.unavailable;
  // A full disk does not get empty by itself. Else, what may succeed later waits for another process.
  const isLocked = code === 'STORE_BUSY' || (error.retryable && code !== 'STORE_FULL');
  return isLocked ? exitStatus.databaseLocked : exitStatus.database;
}

type StoreWords = (failed: {
  readonly code: TokenStoreErrorCode | undefined;
  /** The database. */
  readonly file: string;
  readonly settings: Settings | undefined;
}) => Partial<Problem> | undefined;

const runAgain: StoreWords = () => ({ remedy: 'Run it again' });

const needsKey: StoreWords = ({ file, settings }) => {
  const sources = 'The passphrase comes from ONEDRIVE_TOKEN_KEY, from --key-file, or from you on a terminal';
  if (isPostgres(settings)) return { remedy: sources };
  if (readKeyringAccount(file) !== undefined)
    return { remedy: 'The keyring has a key for it: leave out ONEDRIVE_TOKEN_KEY and --key-file' };
  return { remedy: `${sources}. If it was encrypted with --keyring, ${keyringFile(file)} is missing` };
};

const newerVersion: StoreWords = ({ settings }) => ({
  remedy: `Run: npm install --global onedrive-token${isPostgres(settings) ? ' token-store-postgres' : ''}`,
});

/** undefined: the store's words are for any person, and not about how a program opens it. */
const storeWords: Record<TokenStoreErrorReason, StoreWords | undefined> = {
  'key-missing': needsKey,
  'key-wrong': needsKey,
  'key-changed': runAgain,
  'not-encrypted': ({ settings }) => {
    // Without --key-file: the database has no passphrase yet.
    const { keyFile: _keyFile, ...flags } = settings?.flags ?? {};
    const rekey = suggestCommand('rekey --encrypt', settings && { ...settings, flags });
    return { remedy: `Leave out ONEDRIVE_TOKEN_KEY and --key-file. To encrypt it, run: ${rekey}` };
  },
  closed: runAgain,
  moved: runAgain,
  foreign: ({ settings }) => ({
    remedy: isPostgres(settings)
      ? 'Name another one in the URL, for example ?options=-c%20search_path%3Dtokens'
      : 'Choose another file with --db',
  }),
  'no-permission': ({ code, file, settings }) =>
    code === 'STORE_OPEN' && !isPostgres(settings)
      ? {
          problem: `${file}: user ${userName()} may not read it${ownerOf(file)}`,
          remedy: 'Run the command as that user, or choose another database with --db',
        }
      : undefined,
  'unfinished-write': ({ file, settings }) => ({
    problem: `${file}: a command was killed while it wrote, and this command only reads`,
    remedy: `To repair it, run: ${suggestCommand('token', settings)}`,
  }),
  'not-a-file': undefined,
  missing: undefined,
  exposed: undefined,
  disk: undefined,
  'read-only-file-system': undefined,
  'read-only-server': undefined,
  unreachable: undefined,
  'no-database': undefined,
  'no-schema': undefined,
  'no-service': undefined,
  'no-driver': undefined,
  encoding: undefined,
  damaged: undefined,
  'record-changed': undefined,
  'lock-held': undefined,
  'lock-lost': undefined,
  'database-locked': undefined,
};

function isPostgres(settings: Settings | undefined): boolean {
  return settings?.postgresUrl !== undefined;
}

/** Why the provider refused: its error and explanation, Microsoft's numbers, and what Microsoft's support asks for. */
function causes(failed: OneDriveTokenError): string[] {
  const { error, errorDescription = '', errorCodes = [] } = failed;
  const numbers = errorCodes.map((number) => `AADSTS${number}`).filter((number) => !errorDescription.includes(number));
  const explained = [error, errorDescription].filter(Boolean).join(': ');
  return [explained, ...numbers, ...requestIds(failed)].filter(Boolean);
}

function requestIds({ correlationId, traceId }: OneDriveTokenError): string[] {
  return [...(correlationId ? [`correlation id ${correlationId}`] : []), ...(traceId ? [`trace id ${traceId}`] : [])];
}

/** The words, by default those of the error itself, with what Microsoft's support asks for. */
function withIds(error: OneDriveTokenError, words: Problem = wordsOf(error)): Problem {
  return { ...words, problem: words.problem + inBrackets(requestIds(error)) };
}

function wordsOf({ message, problem = message, remedy }: Error & Partial<Problem>): Problem {
  return { problem, remedy };
}

function inBrackets(parts: readonly string[]): string {
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

interface StoreError extends Error, Partial<Problem> {
  readonly code?: TokenStoreErrorCode;
  readonly reason?: TokenStoreErrorReason;
  readonly path?: string;
}

/** What the store said: a TokenStoreError. */
export function storeErrorOf({ code, cause }: OneDriveTokenError): StoreError | undefined {
  return code === 'STORE' && cause instanceof Error ? (cause as StoreError) : undefined;
}
