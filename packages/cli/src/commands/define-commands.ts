// commands/ is what each command does: one file for each, the words of its help in manual.ts.
import { InvalidArgumentError, Option, type Command as Program } from 'commander';
import { printScript, shells } from '../completion/print-script.ts';
import { type Command, runCommand } from '../settings/command.ts';
import { commonOptions, type Flags } from '../settings/common-options.ts';
import { durationExample, readDuration } from '../settings/read-duration.ts';
import { refuseSocket } from '../settings/refuse-socket.ts';
import { defaultScopes } from '../settings/token-options.ts';
import { formatExamples, type ManualPage, manual } from './manual.ts';

/** Runs one command. It imports the command's code, so that the other commands' code is not loaded. */
type Work = (command: Command) => Promise<number>;

/** Adds every command with its options and its help. `setStatus` is called with the exit status of the one that runs. */
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
    commander.action(async () => setStatus(await runCommand(readFlags(commander), work)));
  };
  /** For a command that can't do its work through the socket of a `serve`. */
  const runOnDatabase = (commander: Program, work: Work): void =>
    run(commander, async (command) => {
      refuseSocket(command.settings, commander.name());
      return work(command);
    });
  addCommonOptions(program);

  const token = addMinValid(add('token', manual.token), 'how long the token has to be valid at least')
    .option('--refresh', 'get a new token, for example after a 401 from Graph')
    .option('--header', "print it as a header, 'Authorization: Bearer ...'");
  run(token, async (command) => (await import('./run-plain-line.ts')).token(command, token.opts()));

  const login = addLoginOptions(add('login', manual.login));
  runOnDatabase(login, async (command) => (await import('./login.ts')).login(command, login.opts()));

  const status = add('status', manual.status).addOption(
    new Option(
      '--fail-if-within <duration>',
      'end with status 1 if the sign-in expires within this time, for example 14d',
    ).argParser(readDurationArgument),
  );
  run(status, async (command) => (await import('./run-plain-line.ts')).status(command, status.opts()));

  run(add('whoami', manual.whoami), async (command) => (await import('./whoami.ts')).whoami(command));

  const logout = add('logout', manual.logout).option('--all', 'every app name in the database');
  runOnDatabase(logout, async (command) => (await import('./logout.ts')).logout(command, logout.opts()));

  run(add('list', manual.list), async (command) => (await import('./run-plain-line.ts')).list(command));

  const rekey = addRekeyOptions(add('rekey', manual.rekey));
  runOnDatabase(rekey, async (command) => (await import('./rekey.ts')).rekey(command, rekey.opts()));

  const move = addMoveOptions(add('move', manual.move));
  runOnDatabase(move, async (command) => (await import('./move.ts')).move(command, move.opts()));

  const api = addApiOptions(add('api', manual.api));
  run(api, async (command) => (await import('./api/api.ts')).api(command, api.args[0] ?? '', api.opts()));

  const exec = addMinValid(
    add('exec', manual.exec),
    "how long the token has to be valid at least (default: 30m, or less if the provider's tokens are shorter)",
  )
    .usage('[options] -- <program> [args...]')
    .argument('<program>', 'the program to run', notEmpty)
    .argument('[args...]', 'its arguments')
    .passThroughOptions();
  run(exec, async (command) => (await import('./run-plain-line.ts')).exec(command, exec.args, exec.opts()));

  const serve = add('serve', manual.serve).addOption(
    new Option('--socket <path>', 'the socket (default: $XDG_RUNTIME_DIR/onedrive-token.sock)').argParser(notEmpty),
  );
  runOnDatabase(serve, async (command) => (await import('./serve/serve.ts')).serve(command, serve.opts()));

  run(add('doctor', manual.doctor), async (command) => (await import('./doctor/doctor.ts')).doctor(command));

  const completion = add('completion', manual.completion);
  completion.addArgument(completion.createArgument('<shell>').choices(shells));
  run(completion, async () => printScript(completion.args[0] ?? ''));
}

function addMinValid(commander: Program, description: string): Program {
  return commander.addOption(new Option('--min-valid <duration>', description).argParser(readDurationArgument));
}

function addLoginOptions(login: Program): Program {
  return login
    .addOption(
      new Option('--device', 'sign in with a code that you enter on any device').conflicts([
        'paste',
        'browser',
        'port',
        'redirectHost',
        'prompt',
        'loginHint',
      ]),
    )
    .addOption(new Option('--paste', 'sign in on any computer and paste the final address').conflicts('browser'))
    .option(
      '--no-browser',
      'print the address instead of opening a browser; then sign in here or paste the final address',
    )
    .option(
      '--scope <scope...>',
      `a permission to ask for; may be given several times (default: those granted last, else ${defaultScopes.join(' ')})`,
      collectScopes,
    )
    .addOption(
      new Option('--prompt <what>', 'make Microsoft ask again: for the account, the password or the consent').choices([
        'select_account',
        'login',
        'consent',
      ]),
    )
    .option('--login-hint <user>', 'the account to suggest, for example ada@example.com; remembered', notEmpty)
    .option('--port <port>', "wait for the browser's answer on this port, for example one that ssh forwards", readPort)
    .addOption(
      new Option('--redirect-host <host>', 'the host in the registered redirect URI; remembered').choices([
        'localhost',
        '127.0.0.1',
      ]),
    )
    .option('--encrypt', 'ask for a passphrase that encrypts a new database, if none is set')
    .addOption(
      new Option('--response-mode <mode>', 'use query if the browser warns about a form (Safari)').choices([
        'form_post',
        'query',
      ]),
    );
}

function addRekeyOptions(rekey: Program): Program {
  return rekey
    .addOption(new Option('--encrypt', 'ask for a new passphrase and encrypt with it'))
    .addOption(new Option('--new-key-file <file>', 'encrypt with the new passphrase in this file').argParser(notEmpty))
    .addOption(new Option('--decrypt', 'store tokens unencrypted').conflicts(['encrypt', 'newKeyFile']));
}

function addMoveOptions(move: Program): Program {
  return move
    .addOption(
      new Option('--to <database>', 'the other database: a file, or postgresql://user@host/database')
        .argParser(notEmpty)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--to-key-file <file>', 'a file with the passphrase of the other database').argParser(notEmpty),
    );
}

function addApiOptions(api: Program): Program {
  return api
    .argument('<path>', 'for example /me/drive, or an absolute URL on the same host', notEmpty)
    .option('-X, --method <method>', 'the HTTP method (default: GET; with --data: POST)')
    .option('-d, --data <data>', 'the body, as JSON: a text, @FILE, or - for stdin')
    .option('-H, --header <line>', "a header, 'Name: value'; may be given several times", collect)
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
      new Option('-o, --output <file>', 'save the response in a file')
        .argParser(notEmpty)
        .conflicts(['include', 'upload']),
    )
    .addOption(
      new Option(
        '--upload <file>',
        'upload a file, or - for stdin, as the item at <path>; replaces an item that is there',
      )
        .argParser(notEmpty)
        .conflicts(['data', 'method']),
    )
    .addOption(
      new Option(
        '--idle-timeout <seconds>',
        'how long nothing may come before an attempt is given up (default: 30)',
      ).argParser(readIdleTimeout),
    );
}

function addCommonOptions(commander: Program): void {
  for (const { flag, value, env, description } of commonOptions) {
    commander.addOption(new Option(value ? `${flag} <${value}>` : flag, description).env(env));
  }
}

/** The common options on the command line, before or after the command's name. `readSettings` reads their variables. */
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

/** One argument may hold several scopes, separated by spaces, as `status` prints them. */
function collectScopes(value: string, before: string[] = []): string[] {
  return [...before, ...notEmpty(value.trim()).split(/\s+/)];
}

/** In milliseconds. Node's own fetch waits for 300 s at most. */
function readIdleTimeout(value: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0;
  if (seconds > 0 && seconds <= 300) return Math.max(1, Math.round(seconds * 1000));
  throw new InvalidArgumentError('Expected seconds, above 0 and at most 300.');
}

function readDurationArgument(value: string): number {
  const duration = readDuration(value);
  if (duration === undefined) throw new InvalidArgumentError(`It is not ${durationExample}.`);
  return duration;
}

function readPort(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65_535) throw new InvalidArgumentError('It is not a port from 1 to 65535.');
  return port;
}

/** An empty value is a mistake: a script's variable that was never set. */
function notEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('It is empty.');
  return value;
}
