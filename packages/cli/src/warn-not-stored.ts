import { printable } from './terminal/printable.ts';
import { writeErr } from './terminal/streams.ts';

/** Says that a token, which was given to whoever asked, is not in the database. */
export function warnNotStored(error: Error): void {
  writeErr(`onedrive-token: the token works, but could not be stored: ${printable(error.message)}\n`);
}
