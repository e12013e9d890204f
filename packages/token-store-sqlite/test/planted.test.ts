import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lchownSync,
  linkSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  directoryForUsers,
  hasPlaceForUsers,
  isRoot,
  otherUser,
  temporaryDirectory,
} from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectTokenStore, openTokenStore, type TokenStoreError } from '../src/index.ts';
import { lockPathsOf } from '../src/lock/lock-paths.ts';
import { readRecord } from '../src/read-record.ts';
import { attemptAll } from './attempt.ts';
import { holder } from './lock-holders.ts';
import { journalOfSeveral, rollbackJournal } from './rollback-journal.ts';
import { makeTokenDatabase } from './snapshot.ts';
import { startProgram } from './start-program.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows has no file modes, FIFOs or user ids');
  process.exit(0);
}
if (!isRoot || !hasPlaceForUsers) console.log('skipped: only root can act as two other users');
const asRoot = isRoot && hasPlaceForUsers ? test : test.skip;
const attacker = 65_533;

/** The victim's database, in a folder in which every user may make files. */
function openToAll(mode = 0o1777): string {
  const directory = directoryForUsers();
  const path = join(directory, 'tokens.db');
  makeTokenDatabase(path);
  chownSync(path, otherUser, otherUser);
  chmodSync(directory, mode);
  return path;
}

function makeFifo(path: string): void {
  assert.is(spawnSync('mkfifo', ['-m', '666', path]).status, 0);
}

const kinds: Record<string, (path: string) => void> = {
  'a FIFO': makeFifo,
  'a file that only its maker can open': (path) => writeFileSync(path, '', { mode: 0o600 }),
  'a file that all can write': (path) => {
    writeFileSync(path, '');
    chmodSync(path, 0o666);
  },
  'a symbolic link': (path) => symlinkSync('/etc/passwd', path),
};

asRoot(
  "a file of another user in place of a database's file is STORE_OPEN, names that user, and nothing waits",
  async () => {
    const files = Object.entries(kinds).flatMap(([what, make]) =>
      ['-journal', '-wal', 'lock', 'gate'].map((suffix) => {
        const path = openToAll();
        const { lock, gate } = lockPathsOf(path, 'app');
        const planted = { lock, gate }[suffix] ?? path + suffix;
        make(planted);
        lchownSync(planted, attacker, attacker);
        return { what, path, planted };
      }),
    );
    const outcomes = await attemptAll(files.map(({ path }) => [path, 'inspect', 'exclusively']));
    for (const [index, { what, planted }] of files.entries()) {
      const { code, reason, message = '' } = outcomes[index] ?? {};
      assert.equal([code, reason], ['STORE_OPEN', 'exposed'], `${what}: ${message}`);
      assert.match(message, `${planted}: is not one of this store's files (user ${attacker} has made it). Remove it`);
    }
  },
);

asRoot("another user's journal does not bring that user's tokens into the database", async () => {
  const paths = [0o777, 0o1777].map((mode) => {
    const path = openToAll(mode);
    const other = join(temporaryDirectory(), 'other.db');
    using store = openTokenStore(other);
    store.set('app', { refreshToken: 'of the attacker' });
    writeFileSync(`${path}-journal`, rollbackJournal(readFileSync(other)));
    chmodSync(`${path}-journal`, 0o666);
    chownSync(`${path}-journal`, attacker, attacker);
    return path;
  });
  const outcomes = await attemptAll(paths.map((path) => [path, 'get']));
  assert.equal(
    outcomes.map(({ reason }) => reason),
    ['exposed', 'exposed'],
  );
  for (const path of paths) assert.is(readRecord(path, 'app'), undefined);
});

test('a FIFO that appears beside an open database stops no call', async () => {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o770);
  using store = openTokenStore(join(directory, 'tokens.db'));
  makeFifo(`${store.path}-journal`);
  assert.is(readRecord(store.path, 'app'), undefined);
  assert.is(inspectTokenStore(store.path).error?.reason, 'exposed');
  const isExposed = (error: TokenStoreError) => error.reason === 'exposed';
  assert.throws(() => store.get('app'), isExposed);
  assert.throws(() => store.set('app', { refreshToken: 'x' }), isExposed);
  const waited = await store.changed('app', { timeout: 1_000 }).catch((error: unknown) => error);
  assert.ok(isExposed(waited as TokenStoreError), `${waited}`);
});

const fifos: Record<string, (path: string) => string[]> = {
  'in place of its journal': (path) => [`${path}-journal`],
  'whose name its journal has': (path) => {
    const fifo = `${path}-mj012345912`;
    writeFileSync(`${path}-journal`, journalOfSeveral(fifo), { mode: 0o600 });
    return [fifo, `${path}-journal`];
  },
  ...Object.fromEntries(
    (['lock', 'gate'] as const).map((which) => [
      `in place of the journal of its ${which}`,
      (path) => {
        const file = lockPathsOf(path, 'app')[which];
        copyFileSync(path, file);
        return [`${file}-journal`, file];
      },
    ]),
  ),
};
for (const [what, plant] of Object.entries(fifos)) {
  asRoot(`a FIFO of a user beside the database of that user, ${what}, does not stop root`, async () => {
    const path = openToAll(0o700);
    chownSync(join(path, '..'), otherUser, otherUser);
    using store = openTokenStore(path);
    const planted = plant(path);
    makeFifo(planted[0] as string);
    for (const file of planted) lchownSync(file, otherUser, otherUser);
    const call = async () => [store.get('app'), await store.exclusively('app', async () => {})];
    const error: TokenStoreError = await call().catch((reason) => reason);
    assert.is(error.reason, 'exposed', `${error}`);
    // A journal that a crash of the user's own program has left is needed to restore the database.
    if (what.includes('name')) assert.match(error.message, `Open the database once as user ${otherUser}`);
  });
}

test('a FIFO in place of the file that names the holder of a lock: the holder is not known, and nothing waits', async () => {
  using store = openTokenStore(join(temporaryDirectory(), 'tokens.db'));
  const program = await holder(store);
  const path = lockPathsOf(store.path, 'app').holder;
  spawnSync('rm', [path]);
  makeFifo(path);
  assert.equal(
    inspectTokenStore(store.path).locks.map(({ name }) => name),
    process.platform === 'linux' ? [undefined] : [],
  );
  const other = startProgram('hold', [store.path, 'app', 0, 0]);
  assert.is(await other.line(), 'asks');
  assert.is(await other.line(), 'STORE_BUSY undefined');
  program.kill('SIGKILL');
});

test('a hard link is refused under each name, so that two names are not two locks and two journals', () => {
  const directory = temporaryDirectory();
  const names = ['a.db', 'b.db'].map((name) => join(directory, name)) as [string, string];
  makeTokenDatabase(names[0]);
  linkSync(...names);
  for (const name of names) {
    assert.throws(
      () => openTokenStore(name),
      (error: TokenStoreError) => error.reason === 'linked' && error.message.includes(`${name}: has 2 names`),
    );
    assert.is(readRecord(name, 'app'), undefined);
    assert.is(inspectTokenStore(name).error?.reason, 'linked');
  }
  spawnSync('rm', [names[1]]);
  openTokenStore(names[0]).close();
});

test.run();
