import { readDuration } from './time.ts';

/** How long a sign-in waits for the person if --timeout says nothing. */
export const defaultTimeoutMs = 180_000;

/** One option. Parsing, help and completion come from this. */
export interface OptionDefinition {
  /** As the help shows it: `-X, --method <method>`. The flag `--no-x` turns `x` off. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  /** The names of options that cannot be given together with it. */
  readonly conflicts?: readonly string[];
  readonly isRequired?: true;
  /**
   * Reads the value; `before` is what an earlier one on the same command line gave. Throws UsageError. Default: any text that is
   * not empty.
   */
  readonly read?: (value: string, before?: never) => unknown;
}

/** Options by their names in the code: the flag's name in camel case. */
export type OptionDefinitions = Readonly<Record<string, OptionDefinition>>;

type Value<Option extends OptionDefinition> = Option extends { read: (...values: never[]) => infer Read }
  ? Read
  : Option extends { choices: readonly (infer Choice)[] }
    ? Choice
    : Option['flags'] extends `${string}<${string}`
      ? string
      : boolean;

/** The values of the options on a command line. */
export type OptionValues<Options extends OptionDefinitions> = {
  readonly [Name in keyof Options]?: Value<Options[Name]> | undefined;
};

/** The options of every command. `variableOf` names the variable for each. */
export const commonOptions = {
  app: {
    flags: '--app <name>',
    description: 'the name under which the tokens are stored (default: onedrive-token)',
  },
  clientId: {
    flags: '--client-id <id>',
    description: 'the client id of your app registration (default: that of the stored sign-in)',
  },
  db: {
    flags: '--db <file>',
    description:
      'the token database: a file (default: tokens.db in your data folder), or postgresql://user@host/database',
  },
  keyFile: {
    flags: '--key-file <file>',
    description:
      'a file with the passphrase that encrypts the database; ONEDRIVE_TOKEN_KEY may hold the passphrase itself',
  },
  keyring: {
    flags: '--keyring',
    description: 'encrypt the database with a key in the keyring of the system; remembered',
  },
  authority: {
    flags: '--authority <url>',
    description: "the identity provider (default: that of the stored sign-in, else Microsoft's for personal accounts)",
  },
  graph: {
    flags: '--graph <url>',
    description: 'the base URL of Microsoft Graph (default: https://graph.microsoft.com/v1.0)',
  },
  timeout: {
    flags: '--timeout <seconds>',
    description: `how long a sign-in waits for you (default: ${defaultTimeoutMs / 1000}; with --device, as long as the code lives)`,
  },
  interactive: {
    flags: '--no-interactive',
    description: 'never ask and never open a browser; end with status 3 instead',
  },
  json: { flags: '--json', description: 'print JSON for programs' },
  verbose: {
    flags: '--verbose',
    description: 'log what happens, without secrets',
  },
} as const satisfies OptionDefinitions;

/** The option of `token` and `exec`, without its description. */
export const minValidOption = { flags: '--min-valid <duration>', read: readDuration } as const;

/** The common options of the command line, not checked yet. */
export type Flags = { -readonly [Name in keyof typeof commonOptions]?: Value<(typeof commonOptions)[Name]> };

/** `--method` of `-X, --method <method>`. */
export function longFlag({ flags }: Pick<OptionDefinition, 'flags'>): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? '';
}

/** The variable that stands for a common option: `ONEDRIVE_TOKEN_CLIENT_ID` for `--client-id`. */
export function variableOf(option: Pick<OptionDefinition, 'flags'>): string {
  return `ONEDRIVE_TOKEN_${longFlag(option).slice(2).replaceAll('-', '_').toUpperCase()}`;
}

export function takesValue({ flags }: Pick<OptionDefinition, 'flags'>): boolean {
  return flags.includes('<');
}

/**
 * Reads `[token] [common options]` without loading a parser. Returns undefined for any other line, and for a wrong one, which the real
 * parser explains.
 */
export function readPlainLine(args: readonly string[]): Flags | undefined {
  const flags: Record<string, string | boolean> = {};
  for (let index = args[0] === 'token' ? 1 : 0; index < args.length; index++) {
    const flag = args[index] as string;
    const found = Object.entries(commonOptions).find(([, candidate]) => longFlag(candidate) === flag);
    if (!found) return undefined;
    const [name, option] = found;
    const value = takesValue(option) ? args[++index] : !flag.startsWith('--no-');
    if (value === undefined) return undefined;
    flags[name] = value;
  }
  return flags;
}
