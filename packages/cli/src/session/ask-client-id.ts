import type { Command } from '../settings/command.ts';
import { registrationSteps } from '../settings/missing-client-id.ts';
import { UsageError } from '../terminal/failure.ts';
import { askLine } from '../terminal/line-reader.ts';

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** For the first sign-in on a terminal: explains how to register an app, and asks for its client id. Throws UsageError. */
export async function askClientId({ screen, interrupt }: Command): Promise<string> {
  screen.say(`Welcome. One thing is needed first, once: a client id of your own.\n\n${registrationSteps}\n`);
  const typed = (await askLine('Its "Application (client) ID": ', interrupt)).trim();
  if (guid.test(typed)) return typed;
  throw new UsageError(`${JSON.stringify(typed)} is no client id: it looks like 12345678-90ab-cdef-1234-567890abcdef`, {
    remedy: 'The overview page of the registration shows it. Then run login again',
  });
}
