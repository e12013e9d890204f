/** What other PostgreSQL programs find by themselves and pg does not: the service file, and the password file. */
import { TokenStoreError } from 'token-store-kit';

const fs = process.getBuiltinModule('node:fs');
const { homedir } = process.getBuiltinModule('node:os');
const { join } = process.getBuiltinModule('node:path');

/** What a service file says about one service, by the names of libpq. */
export type Service = Readonly<Record<string, string>>;

/**
 * The section of a service in the connection service file (PostgreSQL's manual, section 34.17).
 *
 * @throws {TokenStoreError} STORE_OPEN if there is no such service.
 */
export function readService(name: string, env: NodeJS.ProcessEnv): Service {
  const { PGSERVICEFILE, PGSYSCONFDIR } = env;
  const paths = [
    PGSERVICEFILE ?? join(homedir(), '.pg_service.conf'),
    ...(PGSYSCONFDIR ? [join(PGSYSCONFDIR, 'pg_service.conf')] : []),
  ];
  for (const path of paths) {
    const service = fs.existsSync(path) ? findSection(fs.readFileSync(path, 'utf8'), name) : undefined;
    if (service) return service;
  }
  throw new TokenStoreError('STORE_OPEN', `the service ${JSON.stringify(name)} is not in ${paths.join(' or ')}`, {
    reason: 'no-service',
  });
}

function findSection(text: string, name: string): Service | undefined {
  let section: Record<string, string> | undefined;
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      if (section) return section;
      if (line === `[${name}]`) section = {};
    } else if (section) {
      const at = line.indexOf('=');
      if (at > 0) section[line.slice(0, at).trim()] = line.slice(at + 1).trim();
    }
  }
  return section;
}

export interface Target {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
}

/**
 * The password that the password file has for this target (PostgreSQL's manual, section 34.16). Undefined if it has none, and if
 * other users can read the file: then PostgreSQL's own programs ignore it as well.
 */
export function readPassword({ host, port, database, user }: Target, env: NodeJS.ProcessEnv): string | undefined {
  const path = env.PGPASSFILE ?? join(homedir(), '.pgpass');
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile() || (process.platform !== 'win32' && (stat.mode & 0o077) !== 0)) return undefined;
  // A socket folder counts as localhost.
  const wanted = [host === undefined || host.startsWith('/') ? 'localhost' : host, String(port), database, user];
  for (const line of fs.readFileSync(path, 'utf8').split('\n')) {
    if (line.startsWith('#')) continue;
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map(([, field = '']) => field);
    const password = fields[4];
    if (password === undefined) continue;
    if (wanted.every((value, index) => fields[index] === '*' || unquote(fields[index] ?? '') === value)) {
      return unquote(password);
    }
  }
  return undefined;
}

function unquote(field: string): string {
  return field.replace(/\\(.)/g, '$1');
}
