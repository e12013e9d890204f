import { runCommand } from '../settings/command.ts';
import type { PlainLine } from '../settings/common-options.ts';
import { exec } from './exec.ts';
import { list } from './list.ts';
import { status } from './status.ts';
import { token } from './token.ts';

// Only by way of this file: the build makes one file of what it imports, because a file takes longer to find than to read.
export { exec, list, status, token };

/** Runs a command line that needs no parser. */
export function runPlainLine({ command: name, flags, program }: PlainLine): Promise<number> {
  return runCommand(flags, async (command) => {
    switch (name) {
      case 'token':
        return token(command);
      case 'status':
        return status(command);
      case 'list':
        return list(command);
      case 'exec':
        return exec(command, program);
    }
  });
}
