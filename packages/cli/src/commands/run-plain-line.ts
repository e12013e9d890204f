import { runCommand } from '../command.ts';
import type { PlainLine } from '../settings/common-options.ts';

/** Runs a command line that needs no parser. It imports the command's code, so that the other commands' code is not loaded. */
export function runPlainLine({ command: name, flags, program }: PlainLine): Promise<number> {
  return runCommand(flags, async (command) => {
    switch (name) {
      case 'token':
        return (await import('./token.ts')).token(command);
      case 'status':
        return (await import('./status.ts')).status(command);
      case 'list':
        return (await import('./list.ts')).list(command);
      case 'exec':
        return (await import('./exec.ts')).exec(command, program);
    }
  });
}
