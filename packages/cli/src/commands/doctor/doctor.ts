// doctor/ finds what keeps the command from working, with one check for each requirement. The checks change nothing, and request no
// token.
import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { createFetcher } from 'onedrive-token-handler';
import { browserCommands, hasBrowser } from '../../session/browser.ts';
import { defaultAuthority } from '../../session/registration.ts';
import { describeEnd } from '../../session/stored-sign-in.ts';
import { type ReadStatus, readStatus } from '../../session/token-source.ts';
import { type Command, defineCommand, readVersion } from '../../settings/command.ts';
import { describeError } from '../../settings/describe-error.ts';
import { realDatabase } from '../../settings/private-files.ts';
import type { Settings } from '../../settings/settings.ts';
import { formatDuration } from '../../settings/time.ts';
import { exitStatus, Failure } from '../../terminal/failure.ts';
import { tellOut, writeAnswer } from '../../terminal/printable.ts';
import { type Check, DoesNotApply, type Fetch, fileChecks, lazily, networkChecks, postgresChecks } from './checks.ts';

const nameWidth = 16;
const connectTimeoutMs = 3000;

interface CheckResult {
  readonly name: string;
  /** null: not checked, because another check failed. */
  readonly ok: boolean | null;
  readonly detail: string;
  readonly remedy?: string;
  /** False if there was nothing to check. Not in the JSON. */
  readonly applies?: false;
}

export const doctor = defineCommand({
  name: 'doctor',
  summary: 'find out what is wrong',
  description: `Checks what the command needs, and says for each problem what to do: the clock, the network, the proxy, certificates, the client id, loopback addresses, the browser, the database, its key and the sign-in. It changes nothing and uses no token. The exit status is 0 if nothing is wrong, otherwise 1.

With --json: {"ok": boolean, "checks": [{"name": string, "ok": boolean | null, "detail": string, "remedy"?: string}]}. null: what could not be checked because another check failed. There is no token, no account, no e-mail address and no path of your home folder in it, so it can go into a bug report.`,
  examples: [
    ['onedrive-token doctor', 'for you'],
    ['onedrive-token doctor --json', 'for a bug report'],
  ],
  // Nothing is written, so a signal may end the process at once.
  run: (command) => command.interrupt.endAtOnceDuring(runChecks(command)),
});

async function runChecks(command: Command): Promise<number> {
  // No check may ask a person: a question would come between the lines.
  const quiet: Command = { ...command, settings: { ...command.settings, interactive: false } };
  const { settings, screen } = quiet;
  const results: CheckResult[] = [];
  const report = (result: CheckResult): void => {
    results.push(result);
    screen.clear();
    if (!settings.json) tellOut(formatResult(result, screen.isUnicode));
  };
  const unchecked = new Map<string, string[]>();
  const http = createFetcher();
  for (const check of listChecks(quiet, (url, init) => http.fetch(url, init))) {
    const { name, needs = [] } = check;
    const failed = results.find((result) => needs.includes(result.name) && result.ok === false)?.name;
    if (failed === undefined) {
      screen.spin(() => `Checking ${name}`);
      report(await runCheck(check, quiet));
    } else unchecked.set(failed, [...(unchecked.get(failed) ?? []), name]);
  }
  const reasons = [...unchecked].map(([failed, names]) => `${names.join(', ')}, because ${failed} failed`);
  if (unchecked.size > 0) report({ name: 'not-checked', ok: null, detail: reasons.join('; ') });
  const wrong = results.filter(({ ok }) => ok === false).length;
  const summary = wrong === 0 ? 'Nothing is wrong.' : `${wrong === 1 ? '1 thing is' : `${wrong} things are`} wrong.`;
  const checks = results.map(({ applies: _, ...found }) => found);
  writeAnswer(`${settings.json ? redact(JSON.stringify({ ok: wrong === 0, checks })) : summary}\n`);
  return wrong === 0 ? exitStatus.done : exitStatus.failed;
}

/** The checks for these settings (a file, PostgreSQL or a socket), in the order in which they run. */
function listChecks(command: Command, fetch: Fetch): readonly Check[] {
  const { settings } = command;
  // Read once: a second look at the database could ask the keyring a second time.
  const read = lazily(() => readStatus(command));
  const registration = async () => {
    const meant = (await read().catch(() => undefined))?.meant;
    const { clientId = meant?.clientId, authority = meant?.authority ?? defaultAuthority } = settings;
    return { clientId, authority };
  };
  const ofDatabase = settings.postgresUrl === undefined ? fileChecks : postgresChecks;
  return [
    {
      name: 'node',
      // bin/onedrive-token.js has already refused an older one.
      run: () => `Node.js ${process.version} for ${process.platform} ${process.arch}; onedrive-token ${readVersion()}`,
    },
    ...networkChecks(registration, settings, fetch),
    checkLoopback,
    checkBrowser,
    ...(settings.socket === undefined ? ofDatabase(settings) : []),
    { name: 'sign-in', needs: ['database', 'database-rights'], run: async () => judgeSignIn(await read(), settings) },
  ];
}

async function runCheck({ name, run }: Check, command: Command): Promise<CheckResult> {
  try {
    return { name, ok: true, detail: await run() };
  } catch (error) {
    if (error instanceof DoesNotApply) return { name, ok: true, detail: error.message, applies: false };
    const { problem, remedy = 'Fix this, then run doctor again' } = describeError(error, command);
    return { name, ok: false, detail: problem.replace(/\s+/g, ' '), remedy };
  }
}

/** Whether a browser on this machine could reach the listener of a sign-in. */
const checkLoopback: Check = {
  name: 'loopback',
  async run() {
    const server = createServer((socket) => socket.destroy());
    try {
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as { port: number };
      const socket = connect({ host: '127.0.0.1', port });
      await once(socket, 'connect', { signal: AbortSignal.timeout(connectTimeoutMs) }).finally(() => socket.destroy());
      return '127.0.0.1 accepts connections';
    } catch (error) {
      const remedy = 'Bring the loopback interface up, as root: ip link set lo up';
      throw new Failure(`127.0.0.1 cannot be used (${(error as Error).message})`, { remedy });
    } finally {
      server.close();
    }
  },
};

/** Which program would open a browser. A server has no browser, which is no error. */
const checkBrowser: Check = {
  name: 'browser',
  run() {
    const { BROWSER: browser } = process.env;
    if (browser) {
      const program = browserCommands(browser).find(([name = '']) => isProgram(name))?.[0];
      if (program) return `BROWSER starts ${program}`;
      const remedy = 'Correct BROWSER. To sign in without a browser on this machine, run: onedrive-token login --paste';
      throw new Failure(`BROWSER names no program that can be started: ${browser}`, { remedy });
    }
    if (hasBrowser()) return 'the default browser';
    throw new DoesNotApply('none can be opened here: onedrive-token login --paste signs in without one');
  },
};

function isProgram(name: string): boolean {
  // A name without a slash is searched in PATH only.
  const folders = /[/\\]/.test(name) ? [''] : (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => {
    const file = resolve(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

function judgeSignIn({ found, missing }: ReadStatus, settings: Settings): string {
  const { account, scopes, refreshedAt } = found;
  if (missing) throw missing;
  const end = describeEnd(found, settings);
  if (end) throw new Failure(`the sign-in ${end.problem}`, end);
  // The JSON goes into a bug report, so it names no account.
  const who = settings.json ? undefined : (account?.username ?? account?.name);
  const age = refreshedAt === undefined ? '' : `, refreshed ${formatDuration(Date.now() - refreshedAt)} ago`;
  return `${who ? `${who}, ` : ''}scopes ${scopes.join(' ')}${age}`;
}

function formatResult({ name, ok, detail, remedy, applies }: CheckResult, isUnicode: boolean): string {
  const [good, bad, none, arrow] = isUnicode ? ['✓', '✗', '–', '→'] : ['ok  ', 'FAIL', '-   ', '->'];
  const mark = ok === null || applies === false ? none : ok ? good : bad;
  const indent = ' '.repeat((good ?? '').length + nameWidth + 2);
  const lines = [`${mark} ${name.padEnd(nameWidth)} ${detail}`, ...(remedy ? [`${indent}${arrow} ${remedy}`] : [])];
  return `${lines.join('\n')}\n`;
}

/** Replaces e-mail addresses and the path of the home folder in JSON, so that it can go into a bug report. */
function redact(json: string): string {
  let home = '';
  try {
    home = homedir();
  } catch {
    // A user id without an account may have no home folder. Then no path contains it.
  }
  const named = [realDatabase(home), home].filter((path) => path.length > 1);
  const withoutHome = named.reduce((text, path) => text.replaceAll(JSON.stringify(path).slice(1, -1), '~'), json);
  return withoutHome.replace(
    /(?:\\+"[^"\\]*\\+"|[^\s"\\/:;,=()<>@]+)@[\p{L}\p{M}\p{N}-]+(?:\.[\p{L}\p{M}\p{N}-]+)+/gu,
    '<e-mail address>',
  );
}
