import { inspect } from 'node:util';
import { OneDriveTokenError } from 'onedrive-token-handler';
import { exitStatus } from '../exit-status.ts';
import { readKeyringAccount } from '../files/remembered-keyring.ts';
import type { Settings } from '../settings/settings.ts';
import { suggestCommand } from '../settings/suggest-command.ts';
import { Failure } from '../terminal/failure.ts';
import { Interrupted } from '../terminal/interrupt.ts';
import { printable } from '../terminal/printable.ts';
import { OutputClosed, writeErr } from '../terminal/streams.ts';
import { UsageError } from '../usage-error.ts';
import { wantsKey } from '../wants-key.ts';

/** Says on stderr what went wrong, where there is anything to say; returns the exit status. */
export function reportError(error: unknown, settings?: Settings): number {
  // Whoever closed our stdout has what they wanted: `| head` is no failure.
  if (error instanceof OutputClosed) return exitStatus.done;
  if (error instanceof Interrupted) {
    writeErr(`${error.message}\n`);
    return error.status;
  }
  writeErr(`onedrive-token: ${printable(messageOf(error, settings))}\n`);
  if (settings?.verbose) writeErr(`${printable(inspect(error))}\n`);
  return statusOf(error);
}

function statusOf(error: unknown): number {
  if (error instanceof Failure) return error.status;
  if (error instanceof UsageError) return exitStatus.usage;
  return error instanceof OneDriveTokenError ? statusOfCode(error) : exitStatus.failed;
}

function statusOfCode({ code, error }: OneDriveTokenError): number {
  switch (code) {
    case 'SIGN_IN_REQUIRED':
      return exitStatus.signInNeeded;
    case 'SIGN_IN_DENIED':
      return exitStatus.denied;
    case 'SIGN_IN_TIMEOUT':
      return exitStatus.timedOut;
    case 'NETWORK':
    case 'SERVER':
    case 'THROTTLED':
    case 'RESPONSE':
      return exitStatus.unavailable;
    case 'STORE':
      return exitStatus.database;
    case 'CONFIGURATION':
      // With an OAuth error it was the provider that refused, else our own command line.
      return error === undefined ? exitStatus.usage : exitStatus.failed;
    case 'CLOSED':
      return exitStatus.failed;
  }
}

function messageOf(error: unknown, settings: Settings | undefined): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof OneDriveTokenError)) return error.message;
  // What the handler and the store advise a program to call is of no use here.
  const message = error.message
    .replace(/\s*[^.]*\bsignIn\(\)[^.]*\.?/, '')
    .replace(/\. Open it .*$/, '.')
    .replace("the method 'paste' or 'device'", 'login --paste or login --device');
  return [message, hintFor(error, settings), supportIds(error)].filter(Boolean).join(' ');
}

function hintFor(error: OneDriveTokenError, settings: Settings | undefined): string | undefined {
  const { code } = error;
  if (code === 'SIGN_IN_REQUIRED') return `Run: ${suggestCommand('login', settings)}`;
  if (code === 'SIGN_IN_TIMEOUT') return 'Allow more time with --timeout SECONDS.';
  if (!wantsKey(error)) return undefined;
  if (error.message.includes('is not encrypted'))
    return 'Leave out ONEDRIVE_TOKEN_KEY and --key-file, and encrypt it with: onedrive-token rekey --encrypt';
  return settings && readKeyringAccount(settings.db) !== undefined
    ? 'The keyring has a key for it: leave out ONEDRIVE_TOKEN_KEY and --key-file.'
    : 'The passphrase comes from ONEDRIVE_TOKEN_KEY, from --key-file, or on a terminal from you; with --keyring the keyring has a key instead.';
}

/** What Microsoft's support asks for. */
function supportIds({ correlationId, traceId }: OneDriveTokenError): string | undefined {
  const ids = [correlationId && `correlation id ${correlationId}`, traceId && `trace id ${traceId}`].filter(Boolean);
  return ids.length > 0 ? `(${ids.join(', ')})` : undefined;
}
