import { InvalidArgumentError, Option, type Command as Program } from 'commander';
import type { Command } from '../command.ts';
import { shells } from '../completion/shells.ts';
import { reportError } from '../errors/report-error.ts';
import { commonOptions, type Flags } from '../settings/common-options.ts';
import { readSettings } from '../settings/settings.ts';
import { Interrupt } from '../terminal/interrupt.ts';
import { Screen } from '../terminal/screen.ts';
import { formatExamples, type ManualPage, manual } from './manual.ts';

/** Runs one command; its code is loaded when it runs, not before. */
type Work = (command: Command) => Promise<number>;

/** Adds every command with its options and its help. `setStatus` is called with the exit status of the one that is run. */
export function defineCommands(program: Program, setStatus: (status: number) => void): void {
  const add = (usage: string, page: ManualPage): Program =>
    program
      .command(usage)
      .version(program.version() ?? '')
      .summary(page.summary)
      .description(page.description)
      .addHelpText('after', formatExamples(page));
  const run = (commander: Program, work: Work): void => {
    addCommonOptions(commander.optionsGroup('Common options:'));
    commander.action(async () => setStatus(await execute(commander, work)));
  };
  addCommonOptions(program);

  run(add('token', manual.token), async (command) => (await import('./token.ts')).token(command));

  const login = add('login', manual.login)
    .addOption(
      new Option('--device', 'sign in with a code that is entered on any device').conflicts(['paste', 'browser']),
    )
    .addOption(new Option('--paste', 'wait only for the address that the browser ended at').conflicts('browser'))
    .option('--no-browser', 'print the address; wait for its answer here and for a pasted one')
    .option('--scope <scope...>', 'a permission to ask for, repeatable (default: Files.ReadWrite.All)', collectScopes)
    .option('--encrypt', 'ask for a passphrase that encrypts a new database, where none is set')
    .addOption(
      new Option('--response-mode <mode>', 'query for a browser that warns about a form (Safari)').choices([
        'form_post',
        'query',
      ]),
    );
  run(login, async (command) => (await import('./login.ts')).login(command, login.opts()));

  run(add('status', manual.status), async (command) => (await import('./status.ts')).status(command));

  const logout = add('logout', manual.logout).option('--all', 'every app name of the database');
  run(logout, async (command) => (await import('./logout.ts')).logout(command, logout.opts()));

  run(add('list', manual.list), async (command) => (await import('./list.ts')).list(command));

  const rekey = add('rekey', manual.rekey)
    .addOption(new Option('--encrypt', 'with a new passphrase, which you are asked for'))
    .addOption(new Option('--new-key-file <file>', 'with the new passphrase in this file').argParser(notEmpty))
    .addOption(new Option('--decrypt', 'no longer').conflicts(['encrypt', 'newKeyFile']));
  run(rekey, async (command) => (await import('./rekey.ts')).rekey(command, rekey.opts()));

  const api = add('api', manual.api)
    .argument('<path>', 'for example /me/drive, or an absolute URL on the same host', notEmpty)
    .option('-X, --method <method>', 'the HTTP method (default: GET, with --data POST)')
    .option('-d, --data <data>', 'the body, JSON: as text, @FILE, or - for stdin')
    .option('-H, --header <line>', "a header, 'Name: value', repeatable", collect)
    .addOption(
      new Option('--paginate', 'print the items of all pages as one array').conflicts([
        'data',
        'include',
        'output',
        'upload',
        'method',
      ]),
    )
    .option('-i, --include', 'print the status and the headers too')
    .addOption(
      new Option('-o, --output <file>', 'save the answer in a file')
        .argParser(notEmpty)
        .conflicts(['include', 'upload']),
    )
    .addOption(
      new Option('--upload <file>', 'upload a file as the item at <path>, in place of one that is there')
        .argParser(notEmpty)
        .conflicts(['data', 'method']),
    );
  run(api, async (command) => (await import('./api/api.ts')).api(command, api.args[0] ?? '', api.opts()));

  const exec = add('exec', manual.exec)
    .usage('[options] -- <program> [args...]')
    .argument('<program>', 'the program to run', notEmpty)
    .argument('[args...]', 'its arguments')
    .passThroughOptions();
  run(exec, async (command) => {
    const [program = '', ...args] = exec.args;
    return (await import('./exec.ts')).exec(command, program, args);
  });

  const completion = add('completion', manual.completion);
  completion.addArgument(completion.createArgument('<shell>').choices(shells));
  run(completion, async () => (await import('../completion/print-script.ts')).printScript(completion.args[0] ?? ''));
}

function addCommonOptions(commander: Program): void {
  for (const { flag, value, env, description } of commonOptions) {
    commander.addOption(new Option(value ? `${flag} <${value}>` : flag, description).env(env));
  }
}

async function execute(commander: Program, work: Work): Promise<number> {
  const settings = readSettings(readFlags(commander));
  using screen = new Screen();
  using interrupt = new Interrupt();
  try {
    return await work({ settings, screen, interrupt });
  } catch (error) {
    screen.clear();
    return reportError(error, settings);
  }
}

/** The common options given before or after the command's name; the variables are read elsewhere, in one place for all. */
function readFlags(commander: Program): Flags {
  const flags: Record<string, unknown> = {};
  for (const level of [commander.parent, commander]) {
    for (const { key } of commonOptions) {
      if (level?.getOptionValueSource(key) === 'cli') flags[key] = level.getOptionValue(key);
    }
  }
  return flags;
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Also as `status` prints them, in one argument. */
function collectScopes(value: string, before: string[] = []): string[] {
  return [...before, ...notEmpty(value.trim()).split(/\s+/)];
}

/** A script's variable that was never set is a mistake to be told of, not a value. */
function notEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('It is empty.');
  return value;
}
