// The command's words and exit status for each error. A new code or reason without them does not compile, once the package that has it
// is built.
import {
  OneDriveTokenError,
  type SignInMethod,
  type SignInReason,
  type TokenStoreErrorCode,
  type TokenStoreErrorReason,
} from 'onedrive-token-handler';
import { exitStatus, Failure, isError, joinProblem, type Problem } from '../terminal/failure.ts';
import { Interrupted } from '../terminal/interrupt.ts';
import { tellErr } from '../terminal/printable.ts';
import { writeErr } from '../terminal/streams.ts';
import { defaultTimeoutMs } from './options.ts';
import { type Settings, suggestCommand } from './settings.ts';

export interface ErrorContext {
  /** Absent if the options could not be read. */
  readonly settings?: Settings | undefined;
  /** Set from the start of a sign-in until it succeeds. */
  signInMethod?: SignInMethod | undefined;
  /** The person interrupted the command when the sign-in could not be stopped any more, so it was stored. */
  isSignInKept?: boolean | undefined;
}

export interface DescribedError extends Problem {
  readonly status: number;
}

/** Says what went wrong and what to do. It may quote the provider: show it with `tellErr` or `tellOut`. */
export function describeError(error: unknown, context: ErrorContext = {}): DescribedError {
  if (error instanceof Failure) return error;
  if (error instanceof OneDriveTokenError) return describe(error, context);
  const { code, syscall } = Object(error) as NodeJS.ErrnoException;
  if (syscall === 'uv_cwd' && code === 'ENOENT') return deletedFolder;
  return { problem: isError(error) ? error.message : String(error), status: exitStatus.failed };
}

/** `process.cwd()` says it in words for a programmer. */
const deletedFolder: DescribedError = {
  problem: 'the working folder was deleted',
  remedy: 'Change to another one with cd',
  status: exitStatus.failed,
};

export async function reportError(error: unknown, context: ErrorContext = {}): Promise<number> {
  if (error instanceof Interrupted) {
    const kept = `The sign-in was complete by then, and is stored. To undo it, run: ${suggestCommand('logout', context.settings)}`;
    writeErr(`${error.message}${context.isSignInKept ? ` ${kept}` : ''}\n`);
    return error.status;
  }
  const described = describeError(error, context);
  tellErr(`onedrive-token: ${joinProblem(described)}\n`);
  if (context.settings?.verbose) tellErr(`${(await import('node:util')).inspect(error)}\n`);
  return described.status;
}

/** Warns that a token, which the caller already has, is not in the database. */
export function reportNotStored(error: unknown, context: ErrorContext): void {
  const problem = joinProblem(describeError(error, context));
  tellErr(`onedrive-token: the token works, but could not be stored: ${problem}\n`);
}

/** The library's words, or the command's own if the library's tell a programmer which function to call. */
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
    case 'CLOSED':
      // Some of these errors are permanent, for example a certificate that is not trusted.
      return { ...withIds(error), status: error.retryable ? exitStatus.unavailable : exitStatus.failed };
    case 'CONFIGURATION':
      // With an OAuth error the provider refused the registration; without one the command line is wrong.
      return { ...withIds(error), status: error.error === undefined ? exitStatus.usage : exitStatus.failed };
    case 'STORE':
      return describeStore(error);
  }
}

function describeSignInRequired(error: OneDriveTokenError, { signInMethod, settings }: ErrorContext): Problem {
  const login = `Run: ${suggestCommand('login', settings)}`;
  const { reason = 'refused', problem, remedy } = error;
  // During a sign-in, the provider refused its code, and not the stored sign-in. The library's words say why.
  if (reason === 'refused' && signInMethod !== undefined)
    return withIds(error, { problem, remedy: `${remedy}. ${login}` });
  return { problem: describeSignInReason(reason, settings, error), remedy: login };
}

/** Why the person has to sign in. `refusal`: the provider's error, if that is the reason. */
export function describeSignInReason(reason: SignInReason, settings: Settings | undefined, refusal: unknown): string {
  const { error, errorDescription, ...ids } = Object(refusal) as Partial<OneDriveTokenError>;
  const words: Record<SignInReason, string> = {
    'not-signed-in': `no sign-in is stored for app name ${JSON.stringify(settings?.app)} with this client id and authority`,
    refused: `the provider refused the stored sign-in${inBrackets([error, errorDescription], ids)}`,
    expired: 'the access token has expired, and there is no refresh token',
    'not-accepted': 'the stored sign-in lacks a permission that is needed now',
    'signed-out': 'a logout deleted the tokens while this command ran',
  };
  return words[reason];
}

function describeTimeout({ signInMethod, settings }: ErrorContext): Problem {
  // Without --timeout, a device sign-in waits until its code expires.
  const { timeout = signInMethod === 'device' ? undefined : defaultTimeoutMs } = settings ?? {};
  const words = afterTimeout[signInMethod ?? 'other process'];
  const doctor = `Most likely the browser shows an error page, which this command cannot see. To find the cause, run: ${suggestCommand('doctor', settings)}`;
  const remedy = signInMethod === undefined || signInMethod === 'device' ? words : `${doctor}. ${words}`;
  if (timeout === undefined) return { problem: 'the sign-in was not finished while its code was valid', remedy };
  const problem = `the sign-in was not finished within ${timeout / 1000} s`;
  return { problem, remedy: `${remedy}. Allow more time with --timeout SECONDS` };
}

/** By the method of the sign-in. `other process`: another process was signing in all the time. */
const afterTimeout: Record<SignInMethod | 'other process', string> = {
  browser: 'If no browser opened, open the shown address yourself, or use login --paste or login --device',
  device: 'The code was not entered and confirmed. Run the command again for a new code, or use login --paste',
  // Also for a login without --paste that opens no browser. There, a browser on this computer may answer too.
  paste:
    'No address came back. Run the command again. If the browser is on another computer, paste the address of the page on which it ends. Or use login --device',
  'other process': 'Another process was signing in, and did not finish. Run the command again',
};

/** True if the database could not be opened because its key is missing, wrong or not needed. */
export function isKeyError(error: unknown): boolean {
  return error instanceof OneDriveTokenError && storeErrorOf(error)?.code === 'STORE_KEY';
}

function describeStore(error: OneDriveTokenError): DescribedError {
  const store = storeErrorOf(error);
  const { code, reason } = store ?? {};
  const { message, problem = message, remedy }: Error & Partial<Problem> = store ?? error;
  const ownRemedy = code === 'STORE_VERSION' ? newerVersion : reason && remedies[reason];
  // A full disk needs a person. Any other retryable error is a wait for another process.
  const isLocked = error.retryable && code !== 'STORE_FULL';
  const status = isLocked ? exitStatus.databaseLocked : exitStatus.database;
  // A server that cannot be reached comes back by itself.
  const isAway = reason === 'unreachable';
  return { problem, remedy: ownRemedy ?? remedy, status: isAway ? exitStatus.unavailable : status };
}

export const installPostgres = 'Run: npm install --global token-store-postgres pg';
const newerVersion =
  'Run: npm install --global onedrive-token. If the database is PostgreSQL, install token-store-postgres too';
const keySources =
  'The key comes from ONEDRIVE_TOKEN_KEY or --key-file; without them from the keyring, if a .keyring.json is beside the database, else from you on a terminal';

/** The command's remedies for reasons whose remedies from the store address a programmer. */
const remedies: Partial<Record<TokenStoreErrorReason, string>> = {
  'key-missing': keySources,
  'key-wrong': keySources,
  'key-changed': 'Run it again',
  'not-encrypted': 'Leave out ONEDRIVE_TOKEN_KEY and --key-file, or encrypt it first with rekey --encrypt',
  closed: 'Run it again',
  'no-driver': installPostgres,
  moved: 'Run it again',
  foreign: 'Name another database with --db',
  'unfinished-write': 'To repair it, run the command token with the same options',
};

/** Adds the ids that Microsoft's support asks for. `words`: by default those of the error itself. */
function withIds(error: OneDriveTokenError, words: Problem = error): Problem {
  return { remedy: words.remedy, problem: words.problem + inBrackets([], error) };
}

/** ' (invalid_grant: why, correlation id 1, trace id 2)', or '' if nothing of that is known. */
function inBrackets(
  cause: readonly (string | undefined)[],
  { correlationId, traceId }: Pick<Partial<OneDriveTokenError>, 'correlationId' | 'traceId'>,
): string {
  const ids = [correlationId && `correlation id ${correlationId}`, traceId && `trace id ${traceId}`];
  const parts = [cause.filter(Boolean).join(': '), ...ids].filter(Boolean);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

interface StoreError extends Error, Partial<Problem> {
  readonly code?: TokenStoreErrorCode;
  readonly reason?: TokenStoreErrorReason;
}

export function storeErrorOf({ code, cause }: OneDriveTokenError): StoreError | undefined {
  return code === 'STORE' && isError(cause) ? (cause as StoreError) : undefined;
}
