import type { Command } from '../settings/command.ts';
import { registrationPage, registrationSteps } from '../settings/missing-client-id.ts';
import { UsageError } from '../terminal/failure.ts';
import { askLine } from '../terminal/line-reader.ts';
import { printable } from '../terminal/printable.ts';
import { openWithBrowserCommand } from './browser-command.ts';
import { readSurroundings } from './surroundings.ts';

const maxQuestions = 3;
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * For the first sign-in on a terminal: explains how to register an app, offers to open that page, and asks for its client id.
 * Throws UsageError if what is typed is no client id three times.
 */
export async function askClientId(command: Command): Promise<string> {
  const { screen, interrupt } = command;
  screen.say(`Welcome. One thing is needed first, once: a client id of your own.\n\n${registrationSteps}\n`);
  if (readSurroundings().hasBrowser) {
    const answer = await askLine('Open that page in the browser now? [Y/n] ', interrupt);
    if (/^(y|yes|)$/i.test(answer.trim())) await openPage(command);
  }
  for (let asked = 1; ; asked++) {
    const typed = (await askLine('Its "Application (client) ID": ', interrupt)).trim();
    if (guid.test(typed)) return typed;
    const wrong = `${JSON.stringify(typed)} is no client id: it looks like 12345678-90ab-cdef-1234-567890abcdef`;
    if (asked === maxQuestions) throw new UsageError(wrong, { remedy: 'Run login again when you have it' });
    screen.say(printable(`${wrong}. The overview page of the registration shows it.`));
  }
}

async function openPage({ screen }: Command): Promise<void> {
  const commands: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };
  const command = process.env.BROWSER || (commands[process.platform] ?? 'xdg-open');
  // The browser may stay open for long after this.
  openWithBrowserCommand(command, registrationPage).catch((error: Error) => {
    screen.say(`\nIt could not be opened (${printable(error.message)}). Open the address above yourself.`);
  });
}
