import { listAppNames, moveTokens } from 'onedrive-token-handler';
import { readClientId, sharedTableOptions, spareOtherClient } from '../session/choose-sign-ins.ts';
import { openDatabase, withDatabase } from '../session/database.ts';
import { readKeyFile } from '../session/key.ts';
import { forgetUploads } from '../session/unfinished-uploads.ts';
import { defineCommand } from '../settings/command.ts';
import { type DatabaseSettings, readDatabase } from '../settings/database-name.ts';
import { isKeyError } from '../settings/describe-error.ts';
import { realDatabase } from '../settings/private-files.ts';
import { exitStatus, Failure, UsageError } from '../terminal/failure.ts';

export const move = defineCommand({
  name: 'move',
  summary: 'move the sign-in to another database',
  description: `Moves the tokens of one app name, and its client id, from the database (--db) to another one, for example to PostgreSQL and back. It waits for a refresh that is under way. Only one of the two databases can be used at any moment. If the move is interrupted, run the same command again: it continues where it stopped. Unfinished uploads cannot be continued then.

The passphrase of the other database comes from --to-key-file alone. Without that option, the tokens are not encrypted there. If the other database already has a sign-in of that name, nothing is changed, and the exit status is 1.`,
  examples: [
    ['onedrive-token move --to postgresql://app@db.example.org/app', 'from this computer to many machines'],
    ['onedrive-token move --to /mnt/usb/tokens.db --to-key-file key.txt', 'to another file, encrypted there'],
  ],
  needsDatabase: true,
  options: {
    to: {
      flags: '--to <database>',
      description: 'the other database: a file, or postgresql://user@host/database',
      isRequired: true,
    },
    toKeyFile: { flags: '--to-key-file <file>', description: 'a file with the passphrase of the other database' },
    yes: sharedTableOptions.yes,
  },
  async run(command, { to = '', toKeyFile, yes }) {
    const { settings, screen, interrupt } = command;
    const target = readDatabase(to, { source: '--to', isOnCommandLine: true });
    if (realDatabase(target.db) === realDatabase(settings.db)) {
      throw new UsageError(`--to: ${target.db} is the database that the sign-in is in`);
    }
    const key = toKeyFile === undefined ? undefined : readKeyFile('--to-key-file', toKeyFile);
    let isEncrypted = false;
    const outcome = await withDatabase(command, async (from, fromKey) => {
      isEncrypted = fromKey !== undefined;
      const stored = await readClientId(settings.app, from);
      await spareOtherClient(command, { verb: 'move', meant: settings.clientId, stored, yes });
      await using database = await openTarget(target, key);
      interrupt.signal.throwIfAborted();
      interrupt.busyWith = 'finishing the move';
      return await moveTokens(settings.app, { from, to: database.options });
    });
    const name = JSON.stringify(settings.app);
    if (outcome === 'already-there') {
      throw new Failure(`${target.db} already has a sign-in for app name ${name}. Nothing was changed`, {
        remedy: 'To replace it, first run logout there',
      });
    }
    if (outcome === 'not-signed-in') {
      const problem = `no sign-in is stored for app name ${name} in ${settings.db}, so there is nothing to move`;
      throw new Failure(problem, { status: exitStatus.signInNeeded });
    }
    screen.say(`Moved the sign-in of ${settings.app} to ${target.db}.`);
    // A logout at the new database would not find these uploads.
    forgetUploads(settings);
    if (isEncrypted && key === undefined) {
      screen.say(`${target.db} is not encrypted. To encrypt it, run rekey --encrypt there.`);
    }
  },
});

/** Opens the target with its key, so that a wrong key shows before anything is changed. */
async function openTarget(target: DatabaseSettings, key: string | undefined): ReturnType<typeof openDatabase> {
  try {
    const database = await openDatabase(target, key);
    await listAppNames(database.options);
    return database;
  } catch (error) {
    if (!isKeyError(error)) throw error;
    throw new Failure(`${target.db}: does not open with this key`, {
      status: exitStatus.database,
      remedy: 'Its passphrase comes from --to-key-file alone; without a passphrase, leave that option out',
      cause: error,
    });
  }
}
