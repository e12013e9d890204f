import { CommanderError, Command as Program } from 'commander';
import { defineCommands } from './commands/define-commands.ts';
import { epilogue } from './commands/manual.ts';
import { exitStatus } from './exit-status.ts';
import { commonOptions } from './settings/common-options.ts';
import { writeErr, writeOut } from './terminal/streams.ts';
import { readVersion } from './version.ts';

/** Runs any command line; settles with the exit status. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let status: number = exitStatus.done;
  const program = new Program('onedrive-token')
    .description('Prints a Microsoft Graph access token for your personal OneDrive.')
    .version(readVersion(), '-V, --version')
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut,
      writeErr,
      outputError: (message, write) => write(message.replace(/^error:/, 'onedrive-token:')),
    })
    .configureHelp({ minWidthToWrap: 20 })
    .showHelpAfterError('(onedrive-token --help says more)')
    .addHelpText('after', `\n${epilogue}`);
  defineCommands(program, (ended) => {
    status = ended;
  });
  if (args[0] === '__complete') {
    const { complete } = await import('./completion/complete.ts');
    return complete(program, args.slice(1));
  }
  try {
    await program.parseAsync(withDefaultCommand(helpOfKnown(program, args)), { from: 'user' });
    return status;
  } catch (error) {
    // Commander has said by then what is wrong, or printed the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.done : exitStatus.usage;
    throw error;
  }
}

/** `help nope` without its `help`, so that Commander says what is wrong with `nope`, not what it says to `help`. */
function helpOfKnown(program: Program, args: readonly string[]): readonly string[] {
  const [help, command] = args;
  const isKnown = command === undefined || program.commands.some((candidate) => candidate.name() === command);
  return help === 'help' && !isKnown ? args.slice(1) : args;
}

/**
 * `onedrive-token --app x` means `onedrive-token token --app x`. Commander's own default command would take every mistyped
 * one as an argument, and never suggest the right one.
 */
function withDefaultCommand(args: readonly string[]): string[] {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as string;
    const isAnswered = ['-h', '--help', '-V', '--version'].includes(arg);
    if (isAnswered || !arg.startsWith('-')) return [...args];
    const option = commonOptions.find(({ flag }) => flag === arg);
    if (option?.value) index++;
  }
  return ['token', ...args];
}
