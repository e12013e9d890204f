import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Command } from '../command.ts';
import { mayAsk } from '../settings/settings.ts';
import { UsageError } from '../usage-error.ts';
import { Failure } from './failure.ts';
import type { Interrupt } from './interrupt.ts';
import { writeErr } from './streams.ts';

/** Asks on the terminal, without echo. Rejects where the person gives up. */
export function askPassphrase(question: string, interrupt: Interrupt): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
  writeErr(question);
  return new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('SIGINT', () => interrupt.press());
    lines.once('close', () => reject(new Failure('no passphrase was given')));
    interrupt.signal.addEventListener('abort', () => reject(interrupt.signal.reason), { once: true });
  }).finally(() => {
    lines.close();
    writeErr('\n');
  });
}

/** A new passphrase, typed twice. Throws UsageError where they differ; where nobody can be asked, with what to do `instead`. */
export async function choosePassphrase({ settings, interrupt }: Command, instead: string): Promise<string> {
  if (!mayAsk(settings)) throw new UsageError(`--encrypt: nobody can be asked here; ${instead}`);
  const passphrase = await askPassphrase(`New passphrase for ${settings.db}: `, interrupt);
  if (passphrase === '') throw new UsageError('--encrypt: an empty passphrase encrypts nothing');
  if (passphrase !== (await askPassphrase('Once more: ', interrupt)))
    throw new UsageError('--encrypt: the two passphrases differ');
  return passphrase;
}
