import type { PostgresInspection } from 'token-store-postgres';
import { inspectDatabase } from '../../session/database.ts';
import type { StoredSignIn } from '../../session/stored-sign-in.ts';
import type { Settings } from '../../settings/settings.ts';
import { Failure } from '../../terminal/failure.ts';
import { type Check, once } from './check.ts';
import { heldInPostgres, judgeLocks } from './locks.ts';

/** Whether the server answers, whether this user may use our tables, who holds a lock, and whether the key is right. */
export function postgresChecks(settings: Settings, readSignIns: () => Promise<StoredSignIn>): readonly Check[] {
  const inspect = once(() => inspectDatabase(settings));
  const look = async () => heldInPostgres(await inspectDatabase(settings));
  return [
    { name: 'database', run: async () => `PostgreSQL ${(await inspect()).serverVersion} at ${settings.db}` },
    { name: 'database-rights', needs: ['database'], run: async () => judgeRights(await inspect()) },
    { name: 'lock', needs: ['database-rights'], run: () => judgeLocks(look) },
    {
      name: 'encryption',
      needs: ['database-rights'],
      async run() {
        await readSignIns();
        return (await inspect()).hasKey ? 'encrypted, and the key that is set opens it' : 'not encrypted';
      },
    },
  ];
}

function judgeRights({ isReadOnly, schema, tables, missingRights }: PostgresInspection): string {
  if (isReadOnly) {
    throw new Failure('this server takes no writes', { remedy: 'Name the primary server with --db' });
  }
  if (tables === 'foreign') {
    throw new Failure(`schema ${schema} has tables of another program under our names`, {
      remedy: 'Name another schema in the URL of --db, for example: ?options=-c%20search_path%3Dtokens',
    });
  }
  if (tables === 'newer') {
    throw new Failure('a newer version of this command made the tables', {
      remedy: 'Run: npm install --global onedrive-token token-store-postgres',
    });
  }
  if (schema === undefined) {
    throw new Failure('there is no schema for the tables', {
      remedy: 'As the owner of the database: CREATE SCHEMA, and name it in the URL of --db',
    });
  }
  if (missingRights.length > 0) {
    const grants = missingRights.map((right) => `GRANT ${right} TO the user`).join('; ');
    const remedy = `As the owner of the tables: ${grants}`;
    throw new Failure(`this user lacks rights: ${missingRights.join(', ')}`, { remedy });
  }
  return tables === 'missing'
    ? 'there are no tables yet: the first login makes them'
    : 'this user may read and write the tables';
}
