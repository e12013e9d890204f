import { inspectStore, type StoreInspection } from 'onedrive-token-handler';
import { KeyringEntry } from '../../session/keyring-entry.ts';
import type { StoredSignIn } from '../../session/stored-sign-in.ts';
import type { Command } from '../../settings/command.ts';
import { storeErrorOf } from '../../settings/describe-error.ts';
import { readKeyringAccount } from '../../settings/private-files.ts';
import { suggestCommand } from '../../settings/suggest-command.ts';
import { Failure } from '../../terminal/failure.ts';
import { userName } from '../../terminal/users.ts';
import { type Check, NotChecked, once } from './check.ts';
import { heldInFile, judgeLocks } from './locks.ts';

/** A refresh writes a journal as large as the pages that change, and the new tokens. */
const neededBytes = 1_000_000;

type Reached = StoreInspection & { [Key in 'access' | 'fileSystem']-?: NonNullable<StoreInspection[Key]> };

/** The checks of a database file. `readSignIns` opens it with its key. */
export function fileChecks(command: Command, readSignIns: () => Promise<StoredSignIn>): readonly Check[] {
  const { settings } = command;
  const look = (): Promise<StoreInspection> => inspectStore({ dbFilepath: settings.db });
  const inspect = once(look);
  const reach = async (): Promise<Reached> => {
    const found = await inspect();
    if (!found.access) throw new NotChecked('database');
    return found as Reached;
  };
  let looks = 0;
  return [
    { name: 'database', run: async () => judgeDatabase(await inspect(), settings) },
    { name: 'database-mode', run: async () => judgeAccess(await reach()) },
    { name: 'file-system', run: async () => judgeFileSystem(await reach()) },
    { name: 'lock', run: () => judgeLocks(async () => heldInFile(await (looks++ === 0 ? inspect() : look()))) },
    { name: 'keyring', needs: ['database'], run: () => checkKeyring(command) },
    {
      name: 'encryption',
      needs: ['database', 'keyring'],
      async run() {
        await readSignIns();
        const { isEncrypted } = await inspect();
        if (isEncrypted) return 'encrypted, and the key that is set opens it';
        return 'not encrypted: only the file mode protects the tokens';
      },
    },
  ];
}

function judgeDatabase({ path, size, error }: StoreInspection, settings: Command['settings']): string {
  const { db } = settings;
  if (error && storeErrorOf(error)?.reason === 'missing') {
    throw new Failure(`there is no database ${db}`, { remedy: `Run: ${suggestCommand('login', settings)}` });
  }
  if (error) throw error;
  return `${db}${path === db ? '' : ` (a link to ${path})`}, ${size} bytes, every page in order`;
}

function judgeAccess({ access }: Reached): string {
  const user = process.getuid?.();
  for (const [{ path, mode, owner, denied }, right] of [
    [access.file, '600'],
    [access.directory, '700'],
  ] as const) {
    if (user !== undefined && owner !== user) {
      const remedy = `Run this as that user. If it is your database, as root: chown ${userName()} ${path}`;
      throw new Failure(`${path} belongs to user id ${owner}, and this is ${userName()} (user id ${user})`, { remedy });
    }
    if (user !== undefined && (mode & 0o077) !== 0) {
      const shown = mode.toString(8).padStart(4, '0');
      const remedy = `Run: chmod ${right} ${path}`;
      throw new Failure(`other users can read or enter ${path} (mode ${shown})`, { remedy });
    }
    if (denied !== undefined) {
      const isReadOnly = denied === 'EROFS';
      const remedy = isReadOnly ? 'The file system is read-only: mount it for writing' : `Run: chmod u+rw ${path}`;
      throw new Failure(`${path} cannot be written (${denied})`, { remedy });
    }
  }
  return `only user ${userName()} can read it`;
}

function judgeFileSystem({ access, fileSystem: { type, isNetwork, free } }: Reached): string {
  const { path } = access.directory;
  if (isNetwork) {
    const remedy = 'Keep the database on a disk of this computer (--db), or in PostgreSQL if many computers need it';
    throw new Failure(`${path} is on a network file system (${type}), whose locks cannot be trusted`, { remedy });
  }
  if (free < neededBytes) {
    throw new Failure(`the disk of ${path} is full (${free} bytes left)`, { remedy: 'Delete or move files' });
  }
  return `${type ?? 'a disk'}, ${free < 1e9 ? `${Math.floor(free / 1e6)} MB` : `${Math.floor(free / 1e9)} GB`} free`;
}

async function checkKeyring(command: Command): Promise<string> {
  const account = readKeyringAccount(command.settings.db);
  if (account === undefined) return 'not used for this database';
  const entry = new KeyringEntry(account, command);
  if (await entry.read()) return 'unlocked, and it has the key of the database';
  throw entry.keyLost(command.settings.db, undefined);
}
