// doctor/ looks for what keeps the command from working, one check for each thing that has to be right. It changes nothing, and
// asks the provider for no token.
import { createFetcher } from 'onedrive-token-handler';
import { withDatabase } from '../../session/database.ts';
import { readStoredSignIn } from '../../session/stored-sign-in.ts';
import { type Command, defineCommand } from '../../settings/command.ts';
import { meantToken } from '../../settings/meant-token.ts';
import { exitStatus } from '../../terminal/failure.ts';
import { printable } from '../../terminal/printable.ts';
import { writeOut } from '../../terminal/streams.ts';
import { type Check, type CheckResult, once, runChecks } from './check.ts';
import { checkClientId } from './client-id.ts';
import { fileChecks } from './file-checks.ts';
import { type Fetch, networkChecks } from './network.ts';
import { postgresChecks } from './postgres-checks.ts';
import { redact } from './redact.ts';
import { socketChecks, storedChecks } from './sign-in.ts';
import { checkBrowser, checkLoopback, checkNode } from './this-machine.ts';

const nameWidth = 16;
const defaultAuthority = 'https://login.microsoftonline.com/consumers';

/** Prints a line for each check, or all of them as JSON. The status is 0 if nothing is wrong, otherwise 1. */
export const doctor = defineCommand({
  name: 'doctor',
  summary: 'find out what is wrong',
  description: `Checks what the command needs, and says for each problem what to do: the clock, the network, the proxy, certificates, loopback addresses, the browser, the database, its key, the sign-in, and the registration. It changes nothing and uses no token. The exit status is 0 if nothing is wrong, otherwise 1.

With --json: {"ok": boolean, "checks": [{"name": string, "ok": boolean | null, "detail": string, "remedy"?: string}]}. null: not checked, because another check failed. There is no token, no e-mail address and no path of your home folder in it, so it can go into a bug report.`,
  examples: [
    ['onedrive-token doctor', 'for you'],
    ['onedrive-token doctor --json', 'for a bug report'],
  ],
  async run(command) {
    // No check may ask a person: a question would come between the lines.
    const quiet: Command = { ...command, settings: { ...command.settings, interactive: false } };
    const { settings, screen, interrupt } = quiet;
    const results: CheckResult[] = [];
    const http = createFetcher();
    const checks = listChecks(quiet, (url, init) => http.fetch(url, init));
    const print = async (): Promise<void> => {
      screen.spin(() => 'Checking');
      for await (const result of runChecks(checks, quiet)) {
        results.push(result);
        screen.clear();
        if (!settings.json) writeOut(formatResult(result, screen.isUnicode));
        screen.spin(() => 'Checking');
      }
      screen.clear();
    };
    const { promise: interrupted, reject } = Promise.withResolvers<never>();
    interrupt.signal.addEventListener('abort', () => reject(interrupt.signal.reason));
    await Promise.race([print(), interrupted]).finally(() => http.close());
    const isWell = results.every(({ ok }) => ok === true);
    if (settings.json) writeOut(`${JSON.stringify(redact({ ok: isWell, checks: results }))}\n`);
    else writeOut(summarize(results));
    return isWell ? exitStatus.done : exitStatus.failed;
  },
});

/** The checks that fit the settings, of a file, of PostgreSQL, or of a socket, in the order in which they are shown. */
function listChecks(command: Command, fetch: Fetch): readonly Check[] {
  const { settings } = command;
  // Read once: a second look at the database could ask the keyring a second time.
  const readSignIns = once(() =>
    withDatabase(command, (database) => readStoredSignIn(settings, database), { readOnly: true }),
  );
  const token = once(async () => {
    const stored = settings.socket === undefined ? await readSignIns().catch(() => undefined) : undefined;
    const { clientId, authority = defaultAuthority } = stored?.meant ?? meantToken(settings);
    return { authority, clientId };
  });
  const ofDatabase = (): readonly Check[] => [
    ...(settings.postgresUrl === undefined ? fileChecks(command, readSignIns) : postgresChecks(settings, readSignIns)),
    ...storedChecks(settings, readSignIns),
    checkClientId(settings, token, fetch),
  ];
  return [
    checkNode,
    ...networkChecks(async () => (await token()).authority, settings.graph, fetch),
    checkLoopback,
    checkBrowser,
    ...(settings.socket === undefined ? ofDatabase() : socketChecks(command, settings.socket)),
  ];
}

function summarize(results: readonly CheckResult[]): string {
  const wrong = results.filter(({ ok }) => ok === false).length;
  const blocked = results.filter(({ ok }) => ok === null).length;
  if (wrong === 0) return 'Nothing is wrong.\n';
  const rest = blocked === 0 ? '' : ` ${blocked} ${blocked === 1 ? 'check' : 'checks'} could not run because of that.`;
  return `${wrong === 1 ? '1 thing is' : `${wrong} things are`} wrong.${rest}\n`;
}

function formatResult({ name, ok, detail, remedy }: CheckResult, isUnicode: boolean): string {
  const [good, bad, unknown, arrow] = isUnicode ? ['✓', '✗', '-', '→'] : ['ok  ', 'FAIL', '-   ', '->'];
  const mark = ok === null ? unknown : ok ? good : bad;
  const indent = ' '.repeat((good ?? '').length + nameWidth + 2);
  const lines = [`${mark} ${name.padEnd(nameWidth)} ${detail}`, ...(remedy ? [`${indent}${arrow} ${remedy}`] : [])];
  return lines.map((line) => `${printable(line)}\n`).join('');
}
