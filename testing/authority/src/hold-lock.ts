import { setTimeout as delay } from 'node:timers/promises';
import type { ProgramStore } from './attempt-calls.ts';

/**
 * The program `hold.ts PATH NAME MILLISECONDS [TIMEOUT]`: prints `asks`, then `holds` when it holds the lock, then `done` after that many
 * milliseconds. Without the lock, prints the code and process id of the error.
 */
export async function holdLock(open: (path: string) => ProgramStore): Promise<void> {
  const [path = '', name = '', milliseconds, timeout = '60000'] = process.argv.slice(2);
  using store = open(path);
  console.log('asks');
  const hold = async (): Promise<string> => {
    console.log('holds');
    return delay(Number(milliseconds), 'done');
  };
  const outcome = store.exclusively(name, hold, { timeout: Number(timeout) });
  console.log(await outcome.catch(({ code, pid }) => `${code} ${pid}`));
}
