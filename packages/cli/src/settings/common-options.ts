/** How long a sign-in waits for the person if --timeout says nothing. */
export const defaultTimeoutMs = 180_000;

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
    description: 'the token database (default: tokens.db in your data folder)',
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
    description: "the identity provider (default: Microsoft's, for personal accounts)",
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
    description: `how long a sign-in waits for you (default: ${defaultTimeoutMs / 1000})`,
  },
  {
    flag: '--no-interactive',
    key: 'interactive',
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

/**
 * Reads a command line that only asks for a token, `[token] [common options]`, without loading a parser. Returns undefined for
 * any other, and for a wrong one, which the real parser explains.
 */
export function readTokenFlags(args: readonly string[]): Flags | undefined {
  const flags: Flags = {};
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as string;
    if (index === 0 && arg === 'token') continue;
    const equals = arg.indexOf('=');
    const flag = equals < 0 ? arg : arg.slice(0, equals);
    const option = commonOptions.find((candidate) => candidate.flag === flag);
    if (!option) return undefined;
    if (option.value) {
      const value = equals < 0 ? args[++index] : arg.slice(equals + 1);
      if (value === undefined) return undefined;
      Object.assign(flags, { [option.key]: value });
    } else {
      if (equals >= 0) return undefined;
      Object.assign(flags, { [option.key]: !flag.startsWith('--no-') });
    }
  }
  return flags;
}
