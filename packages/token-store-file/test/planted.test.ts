import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import {
  directoryForUsers,
  hasPlaceForUsers,
  isRoot,
  otherUser,
  temporaryDirectory,
} from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileTokenStore, type TokenStoreError } from '../src/index.ts';
import { startProgram } from './start-program.ts';

if (process.platform === 'win32') {
  console.log('skipped: Windows has no file modes, FIFOs or user ids');
  process.exit(0);
}
if (!isRoot || !hasPlaceForUsers) console.log('skipped: only root can act as two other users');
const asRoot = isRoot && hasPlaceForUsers ? test : test.skip;
const attacker = 65_533;
const isExposed = (error: TokenStoreError): boolean => error.code === 'STORE_OPEN' && error.reason === 'exposed';

/** A file of the victim in a folder in which every user may make files. */
function openToAll(): string {
  const path = join(directoryForUsers(), 'tokens.json');
  writeFileSync(path, '{ "version": 1, "records": { "app": { "refreshToken": "old" } } }', { mode: 0o600 });
  chownSync(path, otherUser, otherUser);
  chmodSync(dirname(path), 0o1777);
  return path;
}

const kinds: Record<string, (path: string) => void> = {
  'a FIFO': (path) => void spawnSync('mkfifo', ['-m', '666', path]),
  'a file that all can write': (path) => {
    writeFileSync(path, '');
    chmodSync(path, 0o666);
  },
  'a symbolic link': (path) => symlinkSync('/etc/passwd', path),
};
asRoot('a file of another user in place of one of ours: a write is refused, and nothing waits', async () => {
  const files = Object.entries(kinds).flatMap(([what, make]) =>
    ['-draft', '-locks'].map((suffix) => {
      const path = openToAll();
      make(path + suffix);
      lchownSync(path + suffix, attacker, attacker);
      return { what, path, planted: path + suffix };
    }),
  );
  const calls = files.flatMap(({ path }) => ['--', path, 'get', 'set']).slice(1);
  const lines = (await startProgram('attempt', calls).ended).output.split('\n');
  for (const [index, { what, path, planted }] of files.entries()) {
    const { code, reason, message } = JSON.parse(lines[index] ?? '') as TokenStoreError;
    assert.equal([code, reason], ['STORE_OPEN', 'exposed'], `${what}: ${message}`);
    assert.match(message, planted);
    assert.match(readFileSync(path, 'utf8'), '"old"');
  }
});

asRoot('a file that another user puts there while the store is open is not read', async () => {
  const path = join(directoryForUsers(), 'tokens.json');
  chmodSync(dirname(path), 0o1777);
  using store = openFileTokenStore(path);
  for (const make of Object.values(kinds)) {
    make(path);
    lchownSync(path, attacker, attacker);
    assert.throws(() => store.get('app'), isExposed);
    const refused = await store.set('app', { refreshToken: 'new' }).catch((error: unknown) => error);
    assert.ok(isExposed(refused as TokenStoreError));
    rmSync(path);
  }
});

asRoot('root gives no file of its own to a user who puts links in the place of its sockets', async () => {
  const path = join(directoryForUsers(), 'tokens.json');
  const secret = join(temporaryDirectory(), 'secret');
  writeFileSync(secret, '', { mode: 0o644 });
  chownSync(dirname(path), otherUser, otherUser);
  const swapping = startProgram('swap-sockets', [`${path}-locks`, secret]);
  await swapping.line();
  using store = openFileTokenStore(path);
  for (let times = 0; times < 300; times++) await store.exclusively('app', async () => {});
  swapping.kill('SIGKILL');
  await swapping.ended;
  const { uid, mode } = statSync(secret);
  assert.equal([uid, mode & 0o777], [0, 0o644]);
});

asRoot('root gives no file of its own to a user who renames it to what root has just made', async () => {
  const folder = directoryForUsers();
  const path = join(folder, 'tokens.json');
  chownSync(folder, otherUser, otherUser);
  const [file, directory] = [join(folder, 'file'), join(folder, 'directory')];
  writeFileSync(file, 'of root');
  mkdirSync(directory, 0o700);
  writeFileSync(join(directory, 'file'), 'of root');
  const descriptors = [file, directory].map((path) => fs.openSync(path, 'r'));
  const { mkdirSync: make, openSync, lchownSync: give } = fs;
  // As the user, in the moment before root looks at it or gives it.
  const swap = (path: string): void => {
    if (path.includes('-new-') && fs.existsSync(file)) fs.renameSync(file, path);
  };
  Object.assign(fs, {
    mkdirSync: (...args: Parameters<typeof make>) => {
      const made = make(...args);
      if (fs.existsSync(directory)) fs.renameSync(directory, `${args[0]}`);
      return made;
    },
    openSync: (...args: Parameters<typeof openSync>) => {
      swap(`${args[0]}`);
      return openSync(...args);
    },
    lchownSync: (...args: Parameters<typeof give>) => {
      swap(`${args[0]}`);
      give(...args);
    },
  });
  try {
    using store = openFileTokenStore(path);
    await store.exclusively('app', async () => {});
  } finally {
    Object.assign(fs, { mkdirSync: make, openSync, lchownSync: give });
  }
  const owners = descriptors.map((descriptor) => fs.fstatSync(descriptor).uid);
  for (const descriptor of descriptors) fs.closeSync(descriptor);
  assert.equal([owners, fs.existsSync(file), fs.existsSync(directory)], [[0, 0], false, false]);
});

asRoot('a user gets a folder in /tmp that root was killed before giving, when root needs it again', async () => {
  const folder = join(directoryForUsers(), '漢'.repeat(15));
  const inTmp = `/tmp/token-store-file-${otherUser}`;
  rmSync(inTmp, { recursive: true, force: true });
  for (const made of [folder, inTmp]) mkdirSync(made, 0o700);
  chownSync(folder, otherUser, otherUser);
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  try {
    using store = openFileTokenStore(join(folder, 'tokens.json'));
    await store.exclusively('app', async () => {});
    process.seteuid?.(otherUser);
    await store.exclusively('app', async () => {});
  } finally {
    process.seteuid?.(0);
    Object.defineProperty(process, 'platform', { value: platform });
    rmSync(inTmp, { recursive: true, force: true });
  }
});

asRoot('root gives no file of its own to a user who puts a link in the place of the folder', async () => {
  const [theirs, own] = [directoryForUsers(), directoryForUsers()].map((folder) => join(folder, 'folder'));
  const paths = [theirs, own].map((folder) => {
    mkdirSync(folder as string, { mode: 0o755 });
    const path = join(folder as string, 'tokens.json');
    writeFileSync(path, '{ "version": 1, "records": { "app": { "refreshToken": "of root" } } }', { mode: 0o600 });
    return path;
  });
  for (const path of [theirs, paths[0]]) chownSync(path as string, otherUser, otherUser);
  using store = openFileTokenStore(paths[0] as string);
  fs.renameSync(theirs as string, `${theirs}-before`);
  symlinkSync(own as string, theirs as string);
  const calls = [() => store.get('app'), () => store.delete('app'), () => store.exclusively('app', async () => {})];
  for (const call of calls) {
    const error = await (async () => call())().catch((error: unknown) => error);
    assert.is(Object(error).reason, 'moved');
  }
  assert.equal([readdirSync(own as string), statSync(paths[1] as string).uid], [['tokens.json'], 0]);
});

asRoot('root uses the file of a user to which a link in another folder of that user leads', async () => {
  const [folder, home] = [directoryForUsers(), directoryForUsers()];
  const [link, path] = [join(home, 'tokens.json'), join(folder, 'tokens.json')];
  writeFileSync(path, '', { mode: 0o600 });
  symlinkSync(path, link);
  for (const each of [folder, home, path]) chownSync(each, otherUser, otherUser);
  using store = openFileTokenStore(link);
  await store.set('app', { refreshToken: 'new' });
  assert.equal([store.get('app'), statSync(path).uid], [{ refreshToken: 'new' }, otherUser]);
});

test('a link to the file that is made while the store is open is named, and nobody is told to remove the file', () => {
  const directory = temporaryDirectory();
  const [path, other] = [join(directory, 'a.json'), join(directory, 'b.json')] as const;
  using store = openFileTokenStore(path);
  const assertReason = (reason: string): void =>
    assert.throws(
      () => store.get('app'),
      (error: TokenStoreError) => error.reason === reason && error.path === path && !/Remove it/.test(error.message),
    );
  writeFileSync(path, '', { mode: 0o600 });
  linkSync(path, other);
  assertReason('linked');
  rmSync(path);
  symlinkSync(other, path);
  assertReason('moved');
});

test.run();
