import { Failure } from './failure.ts';
import type { Interrupt } from './interrupt.ts';
import { readLines } from './read-lines.ts';
import type { Screen } from './screen.ts';

/** Asks on the terminal for one line. Rejects with a Failure if the person types nothing (Ctrl-D), or the interrupt's reason. */
export async function askLine(
  prompt: string,
  { screen, interrupt }: { screen: Screen; interrupt: Interrupt },
): Promise<string> {
  const lines = readLines({ screen, interrupt, prompt });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => reject(new Failure('nothing was typed')));
      interrupt.signal.addEventListener('abort', () => reject(interrupt.signal.reason), { once: true });
      lines.prompt();
    });
  } finally {
    lines.close();
  }
}
