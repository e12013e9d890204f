import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isRoot, otherUser, temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DatabaseFile } from '../src/database/database-file.ts';
import { openTokenStore, type TokenStoreError } from '../src/index.ts';
import { lockPathsOf } from '../src/lock/lock-paths.ts';
import { startProgram } from './start-program.ts';

const lock = lockPathsOf('', 'app').lock.slice(1);
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const posix = process.platform === 'win32' ? test.skip : test;

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!canTrace) console.log('skipped: strace shows with which mode each file is made (apt-get install strace)');

for (const umask of ['000', '077']) {
  posix(`files are 0600 at every moment, and new directories 0700, with a umask of ${umask}`, async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'new', 'deep', 'tokens.db');
    const trace = join(directory, 'trace');
    const calls = 'trace=open,openat,creat,mkdir,mkdirat,chmod,fchmod,fchmodat,umask';
    const tool = canTrace ? ['strace', '-f', '-y', '-o', trace, '-e', calls] : [];
    assert.is((await startProgram('umask', [path, umask], tool).ended).code, 0);
    assert.is(mode(path), '600');
    assert.is(mode(dirname(path)), '700');
    assert.is(mode(dirname(dirname(path))), '700');
    assert.equal(readdirSync(dirname(path)), ['tokens.db']);
    if (!canTrace) return;
    const made = readFileSync(trace, 'utf8')
      .split('\n')
      .filter((line) => line.includes(dirname(path)) && line.includes('O_CREAT'))
      // A lock file gets its own name later: the UUID goes then.
      .map((line) => ({
        suffix: /\/(?:tokens\.db)?([^"/]*?)(?:-[\da-f]{8}(?:-[\da-f]+){4})?",/.exec(line)?.[1],
        mode: / (0\d+)\)/.exec(line)?.[1],
      }));
    const kinds = new Set(made.map(({ suffix }) => suffix));
    assert.equal([...kinds].sort(), ['', '-journal', `-${lock}-holder`, 'token-store-sqlite']);
    assert.equal([...new Set(made.map(({ mode }) => mode))], ['0600']);
    const changed = readFileSync(trace, 'utf8')
      .split('\n')
      .filter((line) => line.includes(path) && /chmod/.test(line))
      .map((line) => / (0\d+)\)/.exec(line)?.[1]);
    assert.ok(
      changed.every((mode) => mode === '0600'),
      `${changed}`,
    );
  });
}

posix('an existing file is closed to others, and keeps what its owner may not do', () => {
  for (const [before, after] of [
    [0o666, '600'],
    [0o644, '600'],
    [0o640, '600'],
    [0o777, '600'],
    [0o600, '600'],
    [0o444, '400'],
  ] as const) {
    const path = join(temporaryDirectory(), 'tokens.db');
    openTokenStore(path).close();
    chmodSync(path, before);
    openTokenStore(path).close();
    assert.is(mode(path), after);
  }
});

posix('an empty file that others can read is closed to them before a token is written', () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  writeFileSync(path, '', { mode: 0o666 });
  openTokenStore(path).close();
  assert.is(mode(path), '600');
});

for (const [what, take] of [
  ['a link', symlinkSync],
  ['another file', renameSync],
] as const) {
  posix(
    `${what} that takes the place of the file just before it is closed to others is refused, and keeps its mode`,
    () => {
      const directory = temporaryDirectory();
      const [path, target] = [join(directory, 'tokens.db'), join(directory, 'of another program')];
      for (const file of [path, target]) writeFileSync(file, '', { mode: 0o644 });
      const found = new DatabaseFile(path, { readOnly: false });
      const sql = found.connect({ timeout: 0 });
      unlinkSync(path);
      take(target, path);
      assert.throws(
        () => found.makePrivate(sql),
        (error: TokenStoreError) => error.code === 'STORE_OPEN',
      );
      sql.close();
      assert.is(mode(path), '644');
    },
  );
}

posix('a directory that was there keeps its mode', () => {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  openTokenStore(join(directory, 'tokens.db')).close();
  assert.is(mode(directory), '755');
});

for (const umask of [0, 0o077]) {
  posix(`lock files are 0600 with a umask of ${umask.toString(8)}, and removed when no caller needs them`, async () => {
    const directory = temporaryDirectory();
    using store = openTokenStore(join(directory, 'tokens.db'));
    const before = process.umask(umask);
    const seen = await store.exclusively('app', async () =>
      readdirSync(directory).map((name) => `${name} ${mode(join(directory, name))}`),
    );
    process.umask(before);
    assert.equal(seen.sort(), ['tokens.db 600', `tokens.db-${lock} 600`, `tokens.db-${lock}-holder 600`]);
    assert.equal(readdirSync(directory), ['tokens.db']);
  });
}

if (!isRoot) console.log('skipped: only root makes files for another user');
(isRoot ? test : test.skip)(
  "root's lock files belong to the owner of the database, who could not use them otherwise",
  async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'tokens.db');
    openTokenStore(path).close();
    chownSync(path, otherUser, otherUser);
    using store = openTokenStore(path);
    const owners = await store.exclusively('app', async () =>
      readdirSync(directory).map((name) => statSync(join(directory, name)).uid),
    );
    assert.equal(owners, [otherUser, otherUser, otherUser]);
  },
);

test.run();
