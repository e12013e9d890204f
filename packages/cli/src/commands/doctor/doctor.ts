// doctor/ looks for what keeps the command from working, one check for each thing that has to be right. It changes nothing, and
// asks the provider for no token.
import type { Command } from '../../settings/command.ts';
import { defineCommand } from '../../settings/define-command.ts';
import { exitStatus } from '../../terminal/failure.ts';
import { printable } from '../../terminal/printable.ts';
import { writeOut } from '../../terminal/streams.ts';
import { type CheckResult, runChecks } from './check.ts';
import { listChecks } from './list-checks.ts';
import { redact } from './redact.ts';

const nameWidth = 18;

/** Prints a line for each check, or all of them as JSON. The status is 0 if nothing is wrong, otherwise 1. */
export const doctor = defineCommand({
  name: 'doctor',
  summary: 'find out what is wrong',
  description: `Checks what the command needs, and says for each problem what to do: the clock, the network, the proxy, certificates, loopback addresses, the browser, the database, its key, the sign-in, and the registration. It changes nothing and uses no token. The exit status is 0 if nothing is wrong, otherwise 1.

With --json: {"ok": boolean, "checks": [{"name": string, "ok": boolean, "detail": string, "remedy"?: string}]}. There is no token, no e-mail address and no path of your home folder in it, so it can go into a bug report.`,
  examples: [
    ['onedrive-token doctor', 'for you'],
    ['onedrive-token doctor --json', 'for a bug report'],
  ],
  async run(command) {
    // No check may ask a person: a question would come between the lines.
    const quiet: Command = { ...command, settings: { ...command.settings, interactive: false } };
    const { settings, screen, interrupt } = quiet;
    const results: CheckResult[] = [];
    await using checks = listChecks(quiet);
    const print = async (): Promise<void> => {
      screen.spin(() => 'Checking');
      for await (const result of runChecks(checks.all, quiet)) {
        results.push(result);
        if (settings.json) continue;
        screen.clear();
        writeOut(formatResult(result, screen.isUnicode));
        screen.spin(() => 'Checking');
      }
      screen.clear();
    };
    const interrupted = Promise.withResolvers<never>();
    interrupt.signal.addEventListener('abort', () => interrupted.reject(interrupt.signal.reason));
    await Promise.race([print(), interrupted.promise]);
    const isWell = results.every(({ ok }) => ok);
    if (settings.json) writeOut(`${JSON.stringify(redact({ ok: isWell, checks: results.map(withoutCause) }))}\n`);
    else writeOut(summarize(results));
    return isWell ? exitStatus.done : exitStatus.failed;
  },
});

function withoutCause({ blockedBy: _blockedBy, ...shown }: CheckResult): Omit<CheckResult, 'blockedBy'> {
  return shown;
}

function summarize(results: readonly CheckResult[]): string {
  const blocked = results.filter(({ blockedBy }) => blockedBy !== undefined).length;
  const wrong = results.filter(({ ok }) => !ok).length - blocked;
  if (wrong === 0) return 'Nothing is wrong.\n';
  const rest = blocked === 0 ? '' : ` ${blocked} ${blocked === 1 ? 'check' : 'checks'} could not run because of that.`;
  return `${wrong === 1 ? '1 thing is' : `${wrong} things are`} wrong.${rest}\n`;
}

function formatResult({ name, ok, detail, remedy, blockedBy }: CheckResult, isUnicode: boolean): string {
  const [good, bad, arrow] = isUnicode ? ['✓', '✗', '→'] : ['ok  ', 'FAIL', '->'];
  const line = `${ok ? good : bad} ${name.padEnd(nameWidth)} ${detail}\n`;
  const indent = ' '.repeat((good ?? '').length + nameWidth + 2);
  return lineOf(line) + (ok || !remedy || blockedBy ? '' : lineOf(`${indent}${arrow} ${remedy}\n`));
}

function lineOf(line: string): string {
  return `${printable(line.trimEnd())}\n`;
}
