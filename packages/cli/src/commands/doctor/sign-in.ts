import type { SignInStatus } from 'onedrive-token-handler';
import { openTokenSource } from '../../session/session.ts';
import { notSignedIn, type StoredSignIn } from '../../session/stored-sign-in.ts';
import type { Command } from '../../settings/command.ts';
import { formatDuration } from '../../settings/duration.ts';
import type { Settings } from '../../settings/settings.ts';
import { suggestCommand } from '../../settings/suggest-command.ts';
import { expiresSoon } from '../../settings/warn-if-expiring.ts';
import { Failure } from '../../terminal/failure.ts';
import { type Check, once } from './check.ts';

/** With ONEDRIVE_TOKEN_SOCKET: whether the `serve` at its other end answers, and what it says of its sign-in. */
export function socketChecks(command: Command, socket: string): readonly Check[] {
  const { settings } = command;
  const ask = once(async () => {
    await using session = await openTokenSource(command, { interactive: false });
    return await session.handler.status();
  });
  const readStatus = async (): Promise<SignInStatus> => {
    const status = await ask();
    if (status.signedIn) return status;
    throw new Failure('the server of the socket has no sign-in', { remedy: loginCommand(settings) });
  };
  const checkSocket = async (): Promise<string> => {
    await ask();
    return `${socket} answers`;
  };
  return [{ name: 'socket', run: checkSocket }, ...signInChecks(settings, 'socket', readStatus)];
}

/** Whether the database has a sign-in. `readSignIns` opens it. */
export function storedChecks(settings: Settings, readSignIns: () => Promise<StoredSignIn>): readonly Check[] {
  return signInChecks(settings, 'encryption', async () => {
    const stored = await readSignIns();
    if (stored.status.signedIn) return stored.status;
    throw notSignedIn(settings, stored);
  });
}

/** Whether a token can be had without a person, and for how long. `need`: the check without which it cannot be known. */
function signInChecks(settings: Settings, need: string, readStatus: () => Promise<SignInStatus>): readonly Check[] {
  return [
    { name: 'sign-in', needs: [need], run: async () => judgeSignIn(await readStatus(), settings) },
    { name: 'renew-by', needs: ['sign-in'], run: async () => judgeRenewal(await readStatus(), settings) },
  ];
}

function judgeSignIn(
  { account, scopes, refreshedAt, refusedAt, refusedBecause }: SignInStatus,
  settings: Settings,
): string {
  if (refusedAt !== undefined) {
    const because = refusedBecause ? `: ${refusedBecause}` : '';
    throw new Failure(`the provider refused it on ${day(refusedAt)}${because}`, { remedy: loginCommand(settings) });
  }
  const who = account?.username ?? account?.name;
  const age = refreshedAt === undefined ? '' : `, refreshed ${formatDuration(Date.now() - refreshedAt)} ago`;
  return `${who ? `${who}, ` : ''}scopes ${scopes.join(' ')}${age}`;
}

function judgeRenewal({ renewBy }: SignInStatus, settings: Settings): string {
  if (renewBy === undefined) return 'the database does not say when the sign-in expires';
  if (!expiresSoon(renewBy)) return `the sign-in is good until ${day(renewBy)}, and each refresh prolongs that`;
  const remedy = `To refresh it now, run: ${suggestCommand('token --refresh', settings)}`;
  throw new Failure(`the sign-in ${renewBy > Date.now() ? 'expires' : 'has expired'} on ${day(renewBy)}`, { remedy });
}

function loginCommand(settings: Settings): string {
  return `Run: ${suggestCommand('login', settings)}`;
}

function day(timestamp: number): string {
  return new Date(timestamp).toISOString().slice(0, 10);
}
