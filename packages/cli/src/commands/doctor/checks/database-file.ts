import { accessSync, constants, lstatSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { realDatabase } from '../../../settings/private-json.ts';
import type { Settings } from '../../../settings/settings.ts';
import { suggestCommand } from '../../../settings/suggest-command.ts';
import { userName } from '../../../terminal/users.ts';
import type { Check, Finding } from '../check.ts';

/** Whether the database is there, and whether this user, and no other, can use it. */
export function checkDatabaseFile(settings: Settings): readonly Check[] {
  return [
    { name: 'database', run: () => findDatabase(settings) },
    { name: 'database-mode', needs: ['database'], run: () => checkAccess(realDatabase(settings.db)) },
  ];
}

function findDatabase(settings: Settings): Finding {
  const { db } = settings;
  try {
    if (!lstatSync(db, { throwIfNoEntry: false })) {
      return { ok: false, detail: `there is no database ${db}`, remedy: `Run: ${suggestCommand('login', settings)}` };
    }
    const stats = statSync(db);
    if (!stats.isFile()) return { ok: false, detail: `${db} is not a file`, remedy: 'Name the database with --db.' };
    const real = realDatabase(db);
    return { ok: true, detail: `${db}${real === db ? '' : ` (a link to ${real})`}, ${stats.size} bytes` };
  } catch (error) {
    const remedy = `Run this as the user that signed in (this is ${userName()}), or name the database with --db.`;
    return { ok: false, detail: `${db} cannot be reached (${(error as NodeJS.ErrnoException).code})`, remedy };
  }
}

function checkAccess(file: string): Finding {
  const folder = dirname(file);
  for (const [path, tighten] of [
    [file, `chmod 600 ${file}`],
    [folder, `chmod 700 ${folder}`],
  ] as const) {
    const stats = statSync(path);
    const wrong = wrongOwner(path, stats) ?? wrongMode(path, stats, tighten) ?? notWritable(path);
    if (wrong) return wrong;
  }
  return { ok: true, detail: `only user ${userName()} can read it` };
}

function wrongOwner(path: string, { uid }: Stats): Finding | undefined {
  const user = process.getuid?.();
  if (user === undefined || uid === user) return undefined;
  return {
    ok: false,
    detail: `${path} belongs to user id ${uid}, and this is ${userName()} (user id ${user})`,
    remedy: `Run this as that user. If it is your database, as root: chown ${userName()} ${path}`,
  };
}

function wrongMode(path: string, { mode }: Stats, tighten: string): Finding | undefined {
  // Windows has no mode bits.
  if (process.platform === 'win32' || (mode & 0o077) === 0) return undefined;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  return { ok: false, detail: `other users can read or enter ${path} (mode ${shown})`, remedy: `Run: ${tighten}` };
}

function notWritable(path: string): Finding | undefined {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy = code === 'EROFS' ? 'The file system is read-only: mount it for writing.' : `Run: chmod u+rw ${path}`;
    return { ok: false, detail: `${path} cannot be written (${code})`, remedy };
  }
}
