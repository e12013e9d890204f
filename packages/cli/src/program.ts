import { CommanderError, Command as Program } from 'commander';
import { defineCommands } from './commands/define-commands.ts';
import { epilogue } from './commands/manual.ts';
import { commonOptions } from './settings/common-options.ts';
import { readVersion } from './settings/version.ts';
import { exitStatus } from './terminal/failure.ts';
import { writeErr, writeOut } from './terminal/streams.ts';

/** Runs any command line, and resolves with its exit status. */
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
    .showHelpAfterError('(for more, run: onedrive-token --help)')
    .addHelpText('after', `\n${epilogue}`);
  defineCommands(program, (ended) => {
    status = ended;
  });
  if (args[0] === '__complete') {
    const { complete } = await import('./completion/complete.ts');
    return complete(program, args.slice(1));
  }
  try {
    await program.parseAsync(withDefaultCommand(withoutHelp(program, args)), { from: 'user' });
    return status;
  } catch (error) {
    // Commander has already printed what is wrong, or the help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.done : exitStatus.usage;
    throw error;
  }
}

/** Removes `help` before an unknown command, because Commander then says what is wrong and suggests a command. */
function withoutHelp(program: Program, args: readonly string[]): readonly string[] {
  const [help, command] = args;
  const isKnown = command === undefined || program.commands.some((candidate) => candidate.name() === command);
  return help === 'help' && !isKnown ? args.slice(1) : args;
}

/**
 * Makes `onedrive-token --app x` mean `onedrive-token token --app x`. Commander's own default command would take a mistyped
 * command as its argument, and never suggest the right one.
 */
function withDefaultCommand(args: readonly string[]): string[] {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as string;
    const isAnswered = ['-h', '--help', '-V', '--version'].includes(arg);
    if (isAnswered || !arg.startsWith('-')) return [...args];
    const option = commonOptions.find(({ flag }) => flag === arg);
    if (option?.value || arg === '--min-valid') index++;
  }
  return ['token', ...args];
}
