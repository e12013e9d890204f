import { join } from 'node:path';
import { PublicClientApplication } from '@azure/msal-node';
import Database from 'better-sqlite3';
import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { signInAs } from 'testing-authority';
import { microsoft, networkClientFor } from 'testing-authority/msal-network-client';
import { bin } from 'testing-command';
import { openFileTokenStore } from 'token-store-file';
import { openTokenStore } from 'token-store-sqlite';
import { scopes } from '../programs/run-program.ts';
import { type Stage, timeRun } from './stage.ts';
import { handler, msalNode, nodeProgram, peers, type Subject } from './subjects.ts';

/** Milliseconds of each piece of work, by its name. */
export type Times = Readonly<Record<string, number[]>>;

/** The pieces of work take turns, each round in the other direction, so that a change of the machine's speed affects all of them. */
async function inTurn(rounds: number, work: Readonly<Record<string, () => unknown>>): Promise<Times> {
  const names = Object.keys(work);
  const times: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const started = performance.now();
      const measured = await work[name]?.();
      times[name]?.push(typeof measured === 'number' ? measured : performance.now() - started);
    }
  }
  return times;
}

export function median(values: readonly number[] = []): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (
    ((sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN) +
      (sorted[Math.ceil((sorted.length - 1) / 2)] ?? Number.NaN)) /
    2
  );
}

/** The median of the ratios. The two values of a pair come from the same round. */
export function ratio(times: Times, above: string, below: string): number {
  return median(times[above]?.map((value, round) => value / (times[below]?.[round] ?? Number.NaN)));
}

/** Processes that start, print a token and end, beside a bare Node. */
export async function measureStarts(stage: Stage, rounds: number): Promise<Times> {
  for (const subject of [handler, ...peers]) await stage.signIn(subject);
  const command = [process.execPath, bin];
  const env = {
    ONEDRIVE_TOKEN_DB: join(stage.folder, 'tokens.db'),
    ONEDRIVE_TOKEN_CLIENT_ID: stage.authority.clientId,
    ONEDRIVE_TOKEN_AUTHORITY: stage.authority.url,
  };
  const token = (subject: Subject) => () => timeRun(stage.command(subject, 'token'), {}, true);
  const expired = (subject: Subject, run: () => Promise<number>) => () => {
    subject.expire(stage.folder);
    return run();
  };
  const runCommand = (): Promise<number> => timeRun(command, env, true);
  const file = join(stage.folder, 'shared-token.json');
  const record = { refreshToken: 'r'.repeat(1_000), accessToken: 'a'.repeat(1_500), expiresAt: Date.now() + 1e9 };
  await openFileTokenStore(file).set('app', record);
  const importing = ['--input-type=module', '-e', "await import('onedrive-token-handler')"];
  const work: Record<string, () => Promise<number>> = {
    node: () => timeRun([process.execPath, '-e', '0'], {}, false),
    import: () => timeRun([process.execPath, ...importing], {}, false),
    'shared-token, stored': () => timeRun([...nodeProgram('shared-token'), file], {}, true),
    'command, stored': runCommand,
    [`${handler.name}, stored`]: token(handler),
    'command, refreshed': expired(handler, runCommand),
  };
  for (const subject of [handler, ...peers]) work[`${subject.name}, refreshed`] = expired(subject, token(subject));
  return inTurn(rounds, work);
}

/** Sign-ins with the start of the process, without the browser and the provider's pages. */
export function measureSignIns(stage: Stage, rounds: number): Promise<Times> {
  return inTurn(
    rounds,
    Object.fromEntries([handler, ...peers].map((subject) => [subject.name, () => stage.signIn(subject)])),
  );
}

/** The provider answers as late as one on the Internet. */
const latencyMs = 250;

/** How many of `count` processes that all ask at the moment of expiry get a token: the provider revokes a grant whose token is used twice. */
export async function raceAtExpiry(stage: Stage, subject: Subject, count: number): Promise<number> {
  const { authority, folder } = stage;
  await stage.signIn(subject);
  const programs = Array.from({ length: count }, () => stage.start(stage.command(subject, 'token-when-told')));
  await Promise.all(programs.map((program) => program.next()));
  subject.expire(folder);
  authority.fail('token', { type: 'slow', ms: latencyMs }, { times: Number.POSITIVE_INFINITY });
  for (const { child } of programs) child.stdin?.end('\n');
  const lines = await Promise.all(programs.map((program) => program.next()));
  authority.clearFaults();
  return lines.filter(({ token }) => token).length;
}

/** Calls for a token that the process has in memory. */
export async function measureMemory({ authority, folder }: Stage, rounds: number): Promise<Times> {
  const { clientId, url, origin } = authority;
  const options = { appName: 'in memory', clientId, scopes, authority: url, dbFilepath: join(folder, 'memory.db') };
  await using ours = new OneDriveTokenHandler({ ...options, openBrowser: signInAs });
  await ours.getToken();
  const app = new PublicClientApplication({
    auth: { clientId, authority: `${microsoft}/consumers` },
    system: { networkClient: networkClientFor(authority) },
  });
  const openBrowser = async (address: string): Promise<void> =>
    void (await signInAs(address.replace(microsoft, origin)));
  const { account } = await app.acquireTokenInteractive({ scopes, openBrowser });
  if (!account) throw new Error('msal-node has not signed in');
  const perCall = (calls: number, call: () => Promise<unknown>) => async () => {
    const started = performance.now();
    for (let left = calls; left > 0; left--) await call();
    return (performance.now() - started) / calls;
  };
  return await inTurn(rounds, {
    [handler.name]: perCall(100_000, () => ours.getToken()),
    [msalNode.name]: perCall(500, () => app.acquireTokenSilent({ account, scopes })),
  });
}

/** The store beside its own statements in bare better-sqlite3, on a file with the same schema and pragmas. */
export async function measureStore({ folder }: Stage, rounds: number): Promise<Times> {
  const tokenOf = (round: number): string => `refresh-${round}`.padEnd(1_000, 'r');
  const recordOf = (round: number) => ({
    refreshToken: tokenOf(round),
    accessToken: 'a'.repeat(1_500),
    expiresAt: round,
  });
  using store = openTokenStore(join(folder, 'store.db'));
  store.set('app', recordOf(0));
  const other = openTokenStore(join(folder, 'bare.db'));
  other.set('app', recordOf(0));
  other.close();
  const bare = new Database(join(folder, 'bare.db'));
  bare.exec(
    'PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY',
  );
  const update = bare.prepare(
    'UPDATE token SET refresh_token = ?, access_token = ?, expires_at = ? WHERE app_name = ? AND refresh_token = ?',
  );
  const columns = bare.pragma('table_info(token)') as { name: string }[];
  const select = bare.prepare(`SELECT ${columns.map(({ name }) => name)} FROM token WHERE app_name = ?`);
  const next = { ours: 0, bare: 0 };
  const many = (read: () => unknown) => () => {
    for (let left = 200; left > 0; left--) read();
  };
  const times = await inTurn(rounds, {
    replace: () => check(store.replace('app', tokenOf(next.ours++), recordOf(next.ours))),
    'bare replace': () => {
      const { accessToken, expiresAt } = recordOf(next.bare + 1);
      const token = tokenOf(next.bare++);
      check(update.run(tokenOf(next.bare), accessToken, expiresAt, 'app', token).changes === 1);
    },
    get: many(() => store.get('app')),
    'bare get': many(() => select.get('app')),
  });
  bare.close();
  return times;
}

function check(isDone: boolean): void {
  if (!isDone) throw new Error('a measured call has not done its work');
}
