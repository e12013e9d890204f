import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresInspection } from 'token-store-postgres';
import { inspectDatabase } from '../../../session/database.ts';
import type { Command } from '../../../settings/command.ts';
import type { Check, Finding } from '../check.ts';
import type { ReadSignIns } from './contents.ts';
import { describeLock, longestHoldMs } from './lock.ts';

/** Whether the server answers, whether this user may use our tables, who holds a lock, and whether the key is right. */
export function checkPostgres({ settings }: Command, readSignIns: ReadSignIns): readonly Check[] {
  let inspection: Promise<PostgresInspection> | undefined;
  const inspect = (): Promise<PostgresInspection> => {
    inspection ??= inspectDatabase(settings);
    return inspection;
  };
  return [
    {
      name: 'database',
      async run() {
        const { serverVersion } = await inspect();
        return { ok: true, detail: `PostgreSQL ${serverVersion} at ${settings.db}` };
      },
    },
    { name: 'database-rights', needs: ['database'], run: async () => judge(await inspect()) },
    {
      name: 'lock',
      needs: ['database-rights'],
      run: async () => judgeLocks(await inspect(), () => inspectDatabase(settings)),
    },
    {
      name: 'encryption',
      needs: ['database-rights'],
      async run() {
        await readSignIns();
        const { hasKey } = await inspect();
        return { ok: true, detail: hasKey ? 'encrypted, and the key that is set opens it' : 'not encrypted' };
      },
    },
  ];
}

function judge({ isReadOnly, schema, tables, missingRights }: PostgresInspection): Finding {
  if (isReadOnly) {
    return { ok: false, detail: 'this server takes no writes', remedy: 'Name the primary server with --db.' };
  }
  switch (tables) {
    case 'foreign':
      return {
        ok: false,
        detail: `schema ${schema} has tables of another program under our names`,
        remedy: 'Name another schema in the URL of --db, for example: ?options=-c%20search_path%3Dtokens',
      };
    case 'newer':
      return {
        ok: false,
        detail: 'a newer version of this command made the tables',
        remedy: 'Run: npm install --global onedrive-token token-store-postgres',
      };
    case 'missing':
      if (schema === undefined) {
        const remedy = 'As the owner of the database: CREATE SCHEMA, and name it in the URL of --db.';
        return { ok: false, detail: 'there is no schema for the tables', remedy };
      }
      return { ok: true, detail: 'there are no tables yet: the first login makes them' };
    default:
      if (missingRights.length === 0) return { ok: true, detail: 'this user may read and write the tables' };
      return {
        ok: false,
        detail: `this user lacks rights: ${missingRights.join(', ')}`,
        remedy: `As the owner of the tables: GRANT ${missingRights.join('; GRANT ').replaceAll(/( ON \S+)/g, '$1 TO the user')}`,
      };
  }
}

async function judgeLocks(first: PostgresInspection, inspect: () => Promise<PostgresInspection>): Promise<Finding> {
  const none = { ok: true, detail: 'no process holds one' };
  if (first.locks.length === 0) return none;
  await sleep(longestHoldMs);
  const { locks } = await inspect();
  const kept = first.locks.find(({ name, holder }) => locks.some((now) => now.name === name && now.holder === holder));
  if (!kept) return none;
  return {
    ok: false,
    detail: `${kept.holder} holds the lock of ${describeLock(kept.name)}`,
    remedy: 'Wait until it is done, or finish its sign-in. If it hangs, end that process.',
  };
}
