import { CommanderError, Help, InvalidArgumentError, Option, Command as Program } from 'commander';
import { type Command, type CommandDefinition, readVersion, runCommand } from '../settings/command.ts';
import {
  commonOptions,
  type Flags,
  longFlag,
  minValidOption,
  type OptionDefinition,
  takesValue,
  variableOf,
} from '../settings/options.ts';
import { exitStatus, UsageError } from '../terminal/failure.ts';
import { tellErr, tellOut } from '../terminal/printable.ts';

/** The commands in the order of the help. Only the command that runs is loaded. */
const commands: Readonly<Record<string, () => Promise<CommandDefinition>>> = {
  token: async () => (await import('./token.ts')).token,
  login: async () => (await import('./login.ts')).login,
  status: async () => (await import('./status.ts')).status,
  whoami: async () => (await import('./whoami.ts')).whoami,
  logout: async () => (await import('./logout.ts')).logout,
  list: async () => (await import('./list.ts')).list,
  rekey: async () => (await import('./rekey.ts')).rekey,
  move: async () => (await import('./move.ts')).move,
  api: async () => (await import('./api/api.ts')).api,
  exec: async () => (await import('./exec.ts')).exec,
  serve: async () => (await import('./serve/serve.ts')).serve,
  doctor: async () => (await import('./doctor/doctor.ts')).doctor,
  completion: async () => (await import('./completion.ts')).completion,
};

const epilogue = `
Exit status:
  0  done                    5  timed out
  1  failed                  6  the network or a server failed: try again later
  2  wrong usage             7  the token database or its key
  3  sign-in needed          8  another process has locked the database: try again soon
  4  denied by you or the provider          130  interrupted

Environment:
  ONEDRIVE_TOKEN_KEY         the passphrase that encrypts the database
  ONEDRIVE_TOKEN_SOCKET      the socket of a serve: commands get tokens there
  XDG_DATA_HOME              the data folder, with onedrive-token/tokens.db in it (default: that of your platform)
  PGPASSWORD, PGPASSFILE     the password of a PostgreSQL database, or the file that has it
  BROWSER                    the command that opens a browser, or several with : between them
  HTTPS_PROXY, NO_PROXY      the proxy to use, and the hosts that need none
`;

const commonHeading = 'Common options:';

export async function runProgram(given: readonly string[]): Promise<number> {
  if (given[0] === '__complete') {
    const { complete } = await import('./completion.ts');
    return complete(await Promise.all(Object.values(commands).map((load) => load())), given.slice(1));
  }
  const { name, args } = findCommand(given);
  const load = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  // The help lists all commands, and a mistyped name is compared with all.
  const definitions = await Promise.all((load ? [load] : Object.values(commands)).map((each) => each()));
  let status: number = exitStatus.done;
  const program = createProgram();
  for (const definition of definitions) {
    addCommand(program, definition, (ended) => {
      status = ended;
    });
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    // Commander has already printed the error or the help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.done : exitStatus.usage;
    throw error;
  }
}

/**
 * Makes `onedrive-token --app x` mean `onedrive-token token --app x`. Commander's own default command would take a mistyped
 * command as its argument, and never suggest the right one.
 */
function findCommand(given: readonly string[]): { name?: string; args: readonly string[] } {
  const valued = [...Object.values(commonOptions), minValidOption].filter(takesValue).map(longFlag);
  for (let index = 0; index < given.length; index++) {
    const arg = given[index] as string;
    if (['-h', '--help'].includes(arg)) return { args: given };
    if (arg === 'help') {
      // Commander's `help` takes no options, and prints the help of all commands for one that it does not know.
      const [about = arg] = given.slice(index + 1).filter((each) => /^[^-]/.test(each));
      return { args: [...given.slice(0, index), ...(Object.hasOwn(commands, about) ? [arg] : []), about] };
    }
    if (!arg.startsWith('-')) return { name: arg, args: given };
    if (valued.includes(arg)) index++;
  }
  return { name: 'token', args: ['token', ...given] };
}

function createProgram(): Program {
  const program = new Program('onedrive-token')
    .description('Prints a Microsoft Graph access token for your personal OneDrive.')
    .version(readVersion(), '-V, --version')
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: tellOut,
      writeErr: tellErr,
      outputError: (message, write) => write(message.replace(/^error:/, 'onedrive-token:')),
    })
    .configureHelp({
      minWidthToWrap: 10,
      formatItemList(heading, items, helper) {
        if (heading !== commonHeading) return Help.prototype.formatItemList.call(helper, heading, items, helper);
        const flags = Object.values(commonOptions).map(longFlag).join(' ');
        return [`${heading} ${flags} (see: onedrive-token --help)`, ''];
      },
    })
    .showHelpAfterError('(for more, run: onedrive-token --help)')
    .addHelpText('after', epilogue);
  addCommonOptions(program);
  return program;
}

function addCommand(program: Program, definition: CommandDefinition, setStatus: (status: number) => void): void {
  const { name, summary, description, examples, options = {}, needsDatabase, runsProgram } = definition;
  const lines = examples.map(([line, purpose]) => `  # ${purpose}\n  $ ${line}\n`);
  const command = program
    .command(name)
    .version(program.version() ?? '')
    .summary(summary)
    .description(description)
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  addArguments(command, definition);
  if (runsProgram) command.usage('[options] -- <program> [args...]').passThroughOptions();
  for (const option of Object.values(options)) command.addOption(toCommander(option));
  addCommonOptions(command.optionsGroup(commonHeading));
  const work = async (context: Command): Promise<number | undefined> => {
    const { socket } = context.settings;
    if (needsDatabase && socket !== undefined) {
      const problem = `${name} needs the database, and ONEDRIVE_TOKEN_SOCKET says that tokens come from ${socket}`;
      throw new UsageError(problem, { remedy: 'Run it on the computer that serves them, without that variable' });
    }
    return definition.run(context, command.opts(), command.args);
  };
  command.action(async () => setStatus(await runCommand(readFlags(command), work)));
}

function addArguments(command: Program, { arguments: args = [] }: CommandDefinition): void {
  for (const { name, description, choices } of args) {
    const argument = command.createArgument(name, description);
    if (choices) argument.choices([...choices]);
    else if (!name.endsWith('...]')) argument.argParser(notEmpty);
    command.addArgument(argument);
  }
}

/** The common options. `readSettings` reads their variables and checks their values. */
function addCommonOptions(command: Program): void {
  for (const option of Object.values(commonOptions)) {
    command.addOption(new Option(option.flags, option.description).env(variableOf(option)));
  }
}

function toCommander(definition: OptionDefinition): Option {
  const { flags, description, choices, conflicts, isRequired, read = notEmpty } = definition;
  const option = new Option(flags, description);
  if (conflicts) option.conflicts([...conflicts]);
  if (isRequired) option.makeOptionMandatory();
  if (choices) option.choices([...choices]);
  else option.argParser((value, before) => readArgument(read, value, before));
  return option;
}

function readArgument(read: NonNullable<OptionDefinition['read']>, value: string, before: unknown): unknown {
  try {
    return read(value, before as never);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Refuses an empty value: in a script, it comes from a variable that was never set. */
function notEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('It is empty.');
  return value;
}

/** The common options on the command line, before or after the command's name. */
function readFlags(command: Program): Flags {
  const flags: Record<string, unknown> = {};
  for (const level of [command.parent, command]) {
    for (const name of Object.keys(commonOptions)) {
      if (level?.getOptionValueSource(name) === 'cli') flags[name] = level.getOptionValue(name);
    }
  }
  return flags;
}
