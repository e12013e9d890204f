import { Failure } from './failure.ts';
import type { Interrupt } from './interrupt.ts';
import { writeErr } from './streams.ts';

/** Asks on the terminal, without echo. Rejects with a Failure if the person types nothing (Ctrl-D). */
export function askPassphrase(question: string, interrupt: Interrupt): Promise<string> {
  const { createInterface } = process.getBuiltinModule('node:readline');
  const { Writable } = process.getBuiltinModule('node:stream');
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
