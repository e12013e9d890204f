import { UsageError } from '../terminal/failure.ts';

/** A database in PostgreSQL. */
export interface PostgresAddress {
  /** For the connection, with the password if it has one: never show it. */
  readonly url: string;
  /** The URL without its password. */
  readonly shown: string;
}

const example = 'postgresql://user@host:5432/database';
/** The password between the user's name and the host. */
const passwordInAuthority = /^(\w+:\/\/[^:@/?#]*):[^/?#]*@/;
const passwordParameters = ['password', 'sslpassword'];

/**
 * Reads the value of `source` (--db, or its variable). Returns undefined if it is the name of a file.
 *
 * @throws {UsageError} for a URL that cannot be read, and for a password on the command line, where other users can read it. The
 * message does not quote the URL.
 */
export function readPostgresAddress(
  text: string,
  source: string,
  isOnCommandLine: boolean,
): PostgresAddress | undefined {
  if (!/^postgres(ql)?:\/\//i.test(text)) return undefined;
  // PostgreSQL's own programs take a user without a host: then it is in a parameter or in PGHOST. URL does not.
  if (!URL.canParse(text) && !URL.canParse(text.replace('@/', '@host/'))) {
    throw new UsageError(`${source}: expected a URL like ${example}, with special characters as %XX`);
  }
  const shown = withoutPassword(text);
  if (shown !== text && isOnCommandLine) {
    throw new UsageError(`${source}: other users can read a password on the command line`, {
      remedy:
        'Leave it out, and set PGPASSWORD, or put it into a password file (PGPASSFILE), or put the whole URL into ONEDRIVE_TOKEN_DB',
    });
  }
  return { url: text, shown };
}

function withoutPassword(text: string): string {
  const [base = '', ...queries] = text.replace(passwordInAuthority, '$1@').split('?');
  const query = queries.join('?');
  const kept = query.split('&').filter((parameter) => !passwordParameters.includes(nameOf(parameter)));
  return queries.length === 0 || kept.length === 0 ? base : `${base}?${kept.join('&')}`;
}

/** The name of a parameter, decoded as PostgreSQL's driver decodes it. */
function nameOf(parameter: string): string {
  return [...new URLSearchParams(parameter).keys()][0] ?? '';
}
