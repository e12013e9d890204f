import { dataFilepath } from 'onedrive-token-handler/stored-token';
import { UsageError } from '../terminal/failure.ts';

// `getBuiltinModule`, because an `import` of `node:fs` alone takes 3 ms, a tenth of Node's own start.
const { dirname, join, resolve } = process.getBuiltinModule('node:path');

/** Which database is meant. */
export interface DatabaseSettings {
  /** The path of a file, or a PostgreSQL URL without its password. */
  readonly db: string;
  /** Set if the database is PostgreSQL: its URL. It may have a password, so it is never shown. */
  readonly postgresUrl: string | undefined;
}

const example = 'postgresql://user@host:5432/database';
/** The password between the user's name and the host. */
const passwordInAuthority = /^(\w+:\/\/[^:@/?#]*):[^/?#]*@/;

/**
 * Reads the name of a database: a file, or a URL of PostgreSQL. `source`: the option or the variable that it comes from.
 *
 * @throws {UsageError} for a URL that cannot be read or is not PostgreSQL's, for a password on the command line, where other users
 * can read it, and for one in a parameter. The message does not quote the URL.
 */
export function readDatabase(
  name: string,
  { source, isOnCommandLine }: { source: string; isOnCommandLine: boolean },
): DatabaseSettings {
  // A path of Windows may begin with `C://`.
  if (!/^\w{2,}:\/\//.test(name)) return { db: resolve(name), postgresUrl: undefined };
  // PostgreSQL's programs accept a user without a host, and take the host from a parameter or PGHOST. `URL` does not.
  const url = URL.parse(name) ?? URL.parse(name.replace('@/', '@host/'));
  // A `/`, `?` or `#` in a user's name or password ends the host too early, and the rest of the password would be shown.
  const isCutShort = /#|^\w+:\/\/([^/?@]*:[^/?]*[/?]|[^/?]*[/?][^=@]*:).*@/.test(name);
  if (!url || isCutShort || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new UsageError(`${source}: expected a URL like ${example}, with special characters as %XX`);
  }
  const shown = name.replace(passwordInAuthority, '$1@');
  const isShown = url.searchParams.has('password') || url.searchParams.has('sslpassword');
  if (isShown || (isOnCommandLine && shown !== name)) {
    throw new UsageError(`${source}: others could read the password in this URL`, {
      remedy: 'Leave it out, and set PGPASSWORD, or put it into a password file (PGPASSFILE)',
    });
  }
  return { db: shown, postgresUrl: name };
}

/** The default: tokens.db in the data folder. Throws UsageError without a home folder. */
export function defaultDatabase(env: NodeJS.ProcessEnv): DatabaseSettings {
  const folder = dataFolder(env);
  if (folder) return { db: join(folder, 'tokens.db'), postgresUrl: undefined };
  throw new UsageError('no home folder was found: name the token database with --db or ONEDRIVE_TOKEN_DB');
}

/** The data folder of this command. undefined without a home folder. */
export function dataFolder(env?: NodeJS.ProcessEnv): string | undefined {
  try {
    return dirname(dataFilepath('onedrive-token', env && { env }));
  } catch {
    return undefined;
  }
}
