/** How long a sign-in waits for the person if --timeout says nothing. */
export const defaultTimeoutMs = 180_000;

/** How long a token that `exec` hands out is valid at least, if the provider's tokens are valid for that long. */
export const execMinValidMs = 30 * 60_000;

/** The common options of the command line, not checked yet. */
export interface Flags {
  app?: string;
  clientId?: string;
  db?: string;
  authority?: string;
  graph?: string;
  keyFile?: string;
  keyring?: boolean;
  timeout?: string;
  interactive?: boolean;
  json?: boolean;
  verbose?: boolean;
}

export interface CommonOption {
  readonly flag: string;
  readonly key: keyof Flags;
  /** The value's name in the help; absent if the option takes none. */
  readonly value?: string;
  /** The flag and the variable turn `key` off. */
  readonly negated?: true;
  readonly env: string;
  readonly description: string;
}

/** The options that every command takes. */
export const commonOptions: readonly CommonOption[] = [
  {
    flag: '--app',
    key: 'app',
    value: 'name',
    env: 'ONEDRIVE_TOKEN_APP',
    description: 'the name under which the tokens are stored (default: onedrive-token)',
  },
  {
    flag: '--client-id',
    key: 'clientId',
    value: 'id',
    env: 'ONEDRIVE_TOKEN_CLIENT_ID',
    description: 'the client id of your app registration; remembered after the first login',
  },
  {
    flag: '--db',
    key: 'db',
    value: 'file',
    env: 'ONEDRIVE_TOKEN_DB',
    description:
      'the token database: a file (default: tokens.db in your data folder), or postgresql://user@host/database',
  },
  {
    flag: '--key-file',
    key: 'keyFile',
    value: 'file',
    env: 'ONEDRIVE_TOKEN_KEY_FILE',
    description:
      'a file with the passphrase that encrypts the database; ONEDRIVE_TOKEN_KEY may hold the passphrase itself',
  },
  {
    flag: '--keyring',
    key: 'keyring',
    env: 'ONEDRIVE_TOKEN_KEYRING',
    description: 'encrypt the database with a key in the keyring of the system; remembered',
  },
  {
    flag: '--authority',
    key: 'authority',
    value: 'url',
    env: 'ONEDRIVE_TOKEN_AUTHORITY',
    description: "the identity provider (default: that of the last sign-in, else Microsoft's for personal accounts)",
  },
  {
    flag: '--graph',
    key: 'graph',
    value: 'url',
    env: 'ONEDRIVE_TOKEN_GRAPH',
    description: 'the base URL of Microsoft Graph (default: https://graph.microsoft.com/v1.0)',
  },
  {
    flag: '--timeout',
    key: 'timeout',
    value: 'seconds',
    env: 'ONEDRIVE_TOKEN_TIMEOUT',
    description: `how long a sign-in waits for you (default: ${defaultTimeoutMs / 1000}; with --device, as long as the code lives)`,
  },
  {
    flag: '--no-interactive',
    key: 'interactive',
    negated: true,
    env: 'ONEDRIVE_TOKEN_NO_INTERACTIVE',
    description: 'never ask and never open a browser; end with status 3 instead',
  },
  { flag: '--json', key: 'json', env: 'ONEDRIVE_TOKEN_JSON', description: 'print JSON for programs' },
  {
    flag: '--verbose',
    key: 'verbose',
    env: 'ONEDRIVE_TOKEN_VERBOSE',
    description: 'log what happens, without secrets',
  },
];

/** A command line without options of its command. */
export interface PlainLine {
  readonly command: PlainCommand;
  readonly flags: Flags;
  /** Of `exec`: the program and its arguments. */
  readonly program: readonly string[];
}

type PlainCommand = (typeof plainCommands)[number];

const plainCommands = ['token', 'status', 'list', 'exec'] as const;

/**
 * Reads `[token|status|list] [common options]` and `exec [common options] -- PROGRAM [ARGS]` without loading a parser. Returns
 * undefined for any other line, and for a wrong one, which the real parser explains.
 */
export function readPlainLine(args: readonly string[]): PlainLine | undefined {
  const named = plainCommands.find((name) => name === args[0]);
  const command = named ?? 'token';
  const end = command === 'exec' ? args.indexOf('--') : args.length;
  const program = args.slice(end + 1);
  if (command === 'exec' && (end < 0 || !program[0])) return undefined;
  const flags = readFlags(args.slice(named ? 1 : 0, end));
  return flags && { command, flags, program };
}

function readFlags(args: readonly string[]): Flags | undefined {
  const flags: Flags = {};
  for (let index = 0; index < args.length; index++) {
    const [flag, attached] = splitFlag(args[index] as string);
    const option = commonOptions.find((candidate) => candidate.flag === flag);
    if (!option) return undefined;
    if (option.value) {
      const value = attached ?? args[++index];
      if (value === undefined) return undefined;
      Object.assign(flags, { [option.key]: value });
    } else {
      if (attached !== undefined) return undefined;
      Object.assign(flags, { [option.key]: !option.negated });
    }
  }
  return flags;
}

/** Splits `--db=FILE` at its first `=`. Without one, there is no value. */
export function splitFlag(arg: string): [flag: string, value: string | undefined] {
  const equals = arg.indexOf('=');
  return equals < 0 ? [arg, undefined] : [arg.slice(0, equals), arg.slice(equals + 1)];
}
