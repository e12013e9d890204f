// settings/ is what the command line, the environment and the stored sign-in say together, and the words of what goes wrong.
import { UsageError } from '../terminal/failure.ts';
import { isTerminal } from '../terminal/streams.ts';
import { commonOptions, type Flags } from './common-options.ts';
import { dataFolder } from './data-folder.ts';
import { readPostgresAddress } from './postgres-url.ts';

const { join, resolve } = process.getBuiltinModule('node:path');

/** The common options: the command line wins over the environment, and an empty variable counts as unset. */
export interface Settings {
  app: string;
  clientId?: string;
  /** The database: the path of a file, or a PostgreSQL URL without its password. */
  db: string;
  /** Set if the database is PostgreSQL: its URL. It may have a password, so it is never shown. */
  postgresUrl?: string;
  keyFile?: string;
  /** Move the database's key into the keyring. If it is there already, this option is not needed. */
  keyring: boolean;
  /** A key for the database was given: --keyring, --key-file or ONEDRIVE_TOKEN_KEY. */
  hasKey: boolean;
  authority?: string;
  graph: string;
  /** Set if tokens come from the Unix socket of a `serve`, and not from a database: its path. */
  socket?: string;
  /** Milliseconds. */
  timeout?: number;
  interactive: boolean;
  json: boolean;
  verbose: boolean;
  /** The options of the command line alone, to repeat them in a suggested command. */
  flags: Flags;
}

/** Which database is meant. */
export type DatabaseSettings = Pick<Settings, 'db' | 'postgresUrl'>;

/** @throws {UsageError} that names the option or variable, what was expected and what came. */
export function readSettings(flags: Flags, env: NodeJS.ProcessEnv = process.env): Settings {
  const clientId = text('clientId', flags, env);
  const keyFile = text('keyFile', flags, env);
  const authority = text('authority', flags, env);
  const timeout = text('timeout', flags, env);
  const keyring = flags.keyring ?? isOn('keyring', env);
  const socket = env.ONEDRIVE_TOKEN_SOCKET;
  const database = readDatabaseOption(flags, env);
  if (keyring && database.postgresUrl !== undefined) {
    throw new UsageError(
      '--keyring (or ONEDRIVE_TOKEN_KEYRING): the key of a PostgreSQL database comes from ONEDRIVE_TOKEN_KEY or --key-file',
    );
  }
  return {
    app: text('app', flags, env) ?? 'onedrive-token',
    ...(clientId !== undefined && { clientId }),
    ...database,
    ...(keyFile !== undefined && { keyFile }),
    keyring,
    hasKey: keyring || keyFile !== undefined || Boolean(env.ONEDRIVE_TOKEN_KEY),
    ...(authority !== undefined && { authority }),
    graph: text('graph', flags, env) ?? 'https://graph.microsoft.com/v1.0',
    ...(socket && { socket: resolve(socket) }),
    ...(timeout !== undefined && { timeout: milliseconds(timeout, flags.timeout === undefined) }),
    interactive: flags.interactive ?? isOn('interactive', env),
    json: flags.json ?? isOn('json', env),
    verbose: flags.verbose ?? isOn('verbose', env),
    flags,
  };
}

/** True if a person may be asked: there is a terminal to read the question on and to answer it. */
export function mayAsk(settings: Settings): boolean {
  return settings.interactive && isTerminal(2) && isTerminal(0);
}

function text(key: keyof Flags, flags: Flags, env: NodeJS.ProcessEnv): string | undefined {
  const given = flags[key];
  if (given === '') throw new UsageError(`${option(key).flag}: expected a value, got an empty string`);
  return given === undefined ? env[option(key).env] || undefined : String(given);
}

/** Reads the name of a database: a file, or a URL of PostgreSQL. `source`: the option or the variable that it comes from. */
export function readDatabase(
  name: string,
  { source, isOnCommandLine }: { source: string; isOnCommandLine: boolean },
): DatabaseSettings {
  const postgres = readPostgresAddress(name, source, isOnCommandLine);
  return postgres ? { db: postgres.shown, postgresUrl: postgres.url } : { db: resolve(name) };
}

function readDatabaseOption(flags: Flags, env: NodeJS.ProcessEnv): DatabaseSettings {
  const given = text('db', flags, env);
  if (given === undefined) return { db: defaultDatabase(env) };
  const isOnCommandLine = flags.db !== undefined;
  const { flag, env: variable } = option('db');
  return readDatabase(given, { source: isOnCommandLine ? flag : variable, isOnCommandLine });
}

/** Whether the variable, or the default, turns the option on. The variable of a negated option turns it off. */
function isOn(key: keyof Flags, env: NodeJS.ProcessEnv): boolean {
  const { env: name, negated = false } = option(key);
  const value = env[name]?.toLowerCase() ?? '';
  if (['1', 'true', 'yes', 'on'].includes(value)) return !negated;
  if (['', '0', 'false', 'no', 'off'].includes(value)) return negated;
  throw new UsageError(`${name}: expected 1 or 0, got '${env[name]}'`);
}

function option(key: keyof Flags): (typeof commonOptions)[number] {
  return commonOptions.find((candidate) => candidate.key === key) as (typeof commonOptions)[number];
}

function milliseconds(seconds: string, fromEnvironment: boolean): number {
  // A timer of Node takes at most 2^31 - 1 ms.
  const longestSeconds = 2_147_483;
  const value = /^\d+(\.\d+)?$/.test(seconds) ? Number(seconds) : Number.NaN;
  if (value > 0 && value <= longestSeconds) return Math.max(1, Math.round(value * 1000));
  const { flag, env } = option('timeout');
  throw new UsageError(
    `${fromEnvironment ? env : flag}: expected seconds, above 0 and at most ${longestSeconds}, got '${seconds}'`,
  );
}

function defaultDatabase(env: NodeJS.ProcessEnv): string {
  const folder = dataFolder(env);
  if (folder) return join(folder, 'tokens.db');
  throw new UsageError('no home folder was found: name the token database with --db or ONEDRIVE_TOKEN_DB');
}
