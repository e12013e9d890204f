// settings/ combines the command line, the environment and the stored sign-in, and has the words of errors.
import type { TokenRecord } from 'onedrive-token-handler';
import { UsageError } from '../terminal/failure.ts';
import { isTerminal } from '../terminal/streams.ts';
import { defaultDatabase, readDatabase } from './database-name.ts';
import { commonOptions, type Flags, longFlag, variableOf } from './options.ts';
import { readSeconds } from './time.ts';

const { resolve } = process.getBuiltinModule('node:path');

export type Settings = Readonly<ReturnType<typeof readSettings>>;

/** https, or plain http on this computer. */
const usableAuthority = /^(https:|http:(?=\/\/(localhost|127(\.\d+){3}|\[::1\])(:|\/|$)))\/\/[^@?#]+$/i;

/** A timer of Node takes at most 2^31 - 1 ms. */
const longestTimeoutSeconds = 2_147_483;

/**
 * The command line wins over the environment, and an empty variable counts as unset.
 *
 * @throws {UsageError} that names the option or variable, what was expected and what came.
 */
export function readSettings(flags: Flags, env: NodeJS.ProcessEnv = process.env) {
  const text = (name: keyof Flags): string | undefined => {
    const given = flags[name];
    if (given === '') throw new UsageError(`${longFlag(commonOptions[name])}: expected a value, got an empty string`);
    return given === undefined ? env[variableOf(commonOptions[name])] || undefined : String(given);
  };
  /** Where the value comes from, for a message. */
  const sourceOf = (name: keyof Flags): string =>
    (flags[name] === undefined ? variableOf : longFlag)(commonOptions[name]);
  const app = text('app') ?? 'onedrive-token';
  // U+001F separates the parts of a lock's name.
  if (app.includes('\u001f')) throw new UsageError(`${sourceOf('app')}: the name has the control character U+001F`);
  const [db, keyFile, seconds] = [text('db'), text('keyFile'), text('timeout')];
  const authority = text('authority');
  // The handler checks it as well, but cannot name the option. `localhost:8080` is a URL, too: its scheme is `localhost`.
  if (authority !== undefined && !(usableAuthority.test(authority) && URL.canParse(authority))) {
    const expected = 'a URL like https://login.microsoftonline.com/consumers, without a password or a query';
    throw new UsageError(`${sourceOf('authority')}: expected ${expected}`);
  }
  const keyring = flags.keyring ?? isOn('keyring', env);
  const database =
    db === undefined
      ? defaultDatabase(env)
      : readDatabase(db, { source: sourceOf('db'), isOnCommandLine: flags.db !== undefined });
  if (keyring && database.postgresUrl !== undefined) {
    throw new UsageError(
      '--keyring (or ONEDRIVE_TOKEN_KEYRING): the key of a PostgreSQL database comes from ONEDRIVE_TOKEN_KEY or --key-file',
    );
  }
  return {
    app,
    clientId: text('clientId'),
    ...database,
    keyFile,
    /** Move the database's key into the keyring. If it is there already, this option is not needed. */
    keyring,
    /** A key for the database was given: --keyring, --key-file or ONEDRIVE_TOKEN_KEY. */
    hasKey: keyring || keyFile !== undefined || Boolean(env.ONEDRIVE_TOKEN_KEY),
    authority,
    graph: text('graph') ?? 'https://graph.microsoft.com/v1.0',
    /** The path of a `serve`'s Unix socket, if tokens come from there and not from a database. */
    socket: env.ONEDRIVE_TOKEN_SOCKET ? resolve(env.ONEDRIVE_TOKEN_SOCKET) : undefined,
    /** Milliseconds. */
    timeout: seconds === undefined ? undefined : readTimeout(seconds, sourceOf('timeout')),
    interactive: flags.interactive ?? isOn('interactive', env),
    json: flags.json ?? isOn('json', env),
    verbose: flags.verbose ?? isOn('verbose', env),
    /** The options of the command line alone, to repeat them in a suggested command. */
    flags,
  };
}

export function mayAsk(settings: Settings): boolean {
  return settings.interactive && isTerminal(2) && isTerminal(0);
}

/** Whether the variable, or the default, turns the option on. The variable of a negated option turns it off. */
function isOn(key: keyof Flags, env: NodeJS.ProcessEnv): boolean {
  const name = variableOf(commonOptions[key]);
  const negated = commonOptions[key].flags.startsWith('--no-');
  const value = env[name]?.toLowerCase() ?? '';
  if (['1', 'true', 'yes', 'on'].includes(value)) return !negated;
  if (['', '0', 'false', 'no', 'off'].includes(value)) return negated;
  throw new UsageError(`${name}: expected 1 or 0, got '${env[name]}'`);
}

function readTimeout(text: string, source: string): number {
  const timeout = readSeconds(text, longestTimeoutSeconds);
  if (timeout !== undefined) return timeout;
  throw new UsageError(`${source}: expected seconds, above 0 and at most ${longestTimeoutSeconds}, got '${text}'`);
}

/** Asked for if neither the command line nor a stored sign-in names scopes. */
export const defaultScopes: readonly string[] = ['Files.ReadWrite.All'];

/** What `login` has learned besides the common options. */
export interface Asked {
  readonly clientId?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
}

/** The token that a command line means, as options of the handler. Without `authority`, the handler's default. */
export type MeantToken = Readonly<ReturnType<typeof meantToken>>;

/**
 * The one place that decides which token a command line means: by its options and variables, else by the record, else by default. A
 * record of the Python class says none of this.
 */
export function meantToken(settings: Settings, record: Partial<TokenRecord> = {}, asked: Asked = {}) {
  const granted = record.scope?.split(' ').filter(Boolean);
  return {
    appName: settings.app,
    /** undefined if it is not known. */
    clientId: settings.clientId ?? asked.clientId ?? record.clientId,
    authority: settings.authority ?? record.authority,
    // What a sign-in asks for. With `openid` and `profile`, the ID token says who signed in.
    scopes: [...(asked.scopes ?? granted ?? defaultScopes), 'openid', 'profile'],
    // A stored sign-in counts with the scopes it was granted.
    useGrantedScopes: true,
  };
}

/**
 * A command line to copy: `command`, with the present options that choose the tokens. If tokens come from a socket, a login says on which
 * computer to run it.
 */
export function suggestCommand(command: string, settings: Settings | undefined): string {
  const words = (['app', 'clientId', 'db', 'keyFile', 'authority'] as const).flatMap((name) => {
    const value = settings?.flags[name];
    return value === undefined ? [] : [longFlag(commonOptions[name]), quote(value)];
  });
  const isElsewhere = settings?.socket !== undefined && command.startsWith('login');
  const place = isElsewhere ? ['(on the computer that serves the tokens)'] : [];
  return ['onedrive-token', command, ...words, ...place].join(' ');
}

/** A login to copy, with a place for the client id if none is known. */
export function suggestLogin(settings: Settings, clientId: string | undefined): string {
  return `${suggestCommand('login', settings)}${clientId === undefined ? ' --client-id ID' : ''}`;
}

/** The word as a shell takes it for one. */
export function quote(word: string): string {
  // cmd.exe has no single quotes, and PowerShell has both.
  if (process.platform === 'win32')
    return /^[\w./\\:@+,-]+$/.test(word) ? word : `"${word.replaceAll('"', String.raw`\"`)}"`;
  return /^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
