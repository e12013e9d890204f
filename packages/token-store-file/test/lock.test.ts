import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import net, { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { least } from 'testing-authority/least';
import {
  directoryForUsers,
  hasPlaceForUsers,
  isRoot,
  otherUser,
  temporaryDirectory,
} from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
import { rejection, within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileTokenStore, type TokenStoreError } from '../src/index.ts';
import { assertBusy, filesBeside, holder, lockNames, newStore, waiter } from './lock-holders.ts';
import { startProgram } from './start-program.ts';

const windows = process.platform === 'win32';
const posixTest = windows ? test.skip : test;
const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!canTrace) console.log('skipped: strace makes system calls fail (apt-get install strace)');
const errorOf = (promise: Promise<unknown>) => rejection<TokenStoreError>(promise);

const isLinux = process.platform === 'linux';
const deep = join('x'.repeat(100), 'y'.repeat(100));
const lockOfApp = createHash('sha256').update('app').digest('hex').slice(0, 12);

/** A tool in whose process the first of these system calls fail, with these errors. */
function failFirst(errors: Record<string, string>): string[] {
  const injections = Object.entries(errors).map(([call, error]) => ['-e', `inject=${call}:error=${error}:when=1`]);
  return ['strace', '-f', '-o', '/dev/null', '-e', `trace=${Object.keys(errors)}`, ...injections.flat()];
}

/** What a write does that waits for a process in vain. */
async function writeInVain(): Promise<void> {
  using store = newStore();
  const program = startProgram('stop-in-write', [store.path]);
  assert.is(await program.line(), 'writes');
  await until(() => /\) T /.test(statOf(program.pid)));
  const before = performance.now();
  const writes = ['one', 'two'].map((name) => errorOf(store.set(name, { refreshToken: 'x' })));
  const errors = await Promise.all(writes);
  const waited = performance.now() - before;
  program.kill('SIGCONT');
  for (const error of errors) {
    assert.equal([(error as TokenStoreError).code, (error as TokenStoreError).pid], ['STORE_BUSY', program.pid]);
  }
  // The second one waits no 5 seconds of its own.
  assert.ok(waited > 4_900 && waited < 9_900, `it took ${waited} ms`);
  await store.set('one', { refreshToken: 'x' });
  assert.equal(store.list(), ['app', 'one']);
}

// At once, because it takes 5 seconds.
const longWait = windows ? undefined : writeInVain();
longWait?.catch(() => {});

posixTest(
  'processes get the lock in the order in which they came; killed and impatient ones are passed over',
  async () => {
    using store = newStore();
    const first = await holder(store);
    const second = await waiter(store, 30_000);
    const third = await waiter(store, 30_000, 300);
    const fourth = await waiter(store, 30_000);
    const fifth = await waiter(store);
    assert.match((await third.ended).output, `STORE_BUSY ${first.pid}`);
    fourth.kill('SIGKILL');
    await fourth.ended;
    first.kill('SIGKILL');
    assert.is(await second.line(), 'holds');
    assertBusy(await errorOf(store.exclusively('app', async () => {}, { timeout: 50 })), second);
    second.kill('SIGKILL');
    assert.is(await fifth.line(), 'holds');
    assert.is((await fifth.ended).output.trim(), 'done');
    assert.equal(filesBeside(store), []);
  },
);

const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
const hasContainers = isLinux && spawnSync('unshare', [...container.slice(1), 'true']).status === 0;
if (!hasContainers) console.log('skipped: this user may make no namespace of process ids, as a container has');
(hasContainers ? test : test.skip)(
  'the process id of a container is not told: here it is that of another process',
  async () => {
    using store = newStore();
    const program = await holder(store, 30_000, container);
    const { message, pid } = await errorOf(store.exclusively('app', async () => {}, { timeout: 0 }));
    assert.is(pid, undefined);
    assert.match(message, 'another process holds the lock');
    program.kill('SIGKILL');
    await program.ended;
  },
);

posixTest('a task keeps its lock until a write is over that it did not wait for', async () => {
  using store = newStore();
  const program = startProgram('stop-in-write', [store.path]);
  assert.is(await program.line(), 'writes');
  await until(() => /\) T /.test(statOf(program.pid)));
  const events: string[] = [];
  const task = async (): Promise<void> => {
    void store.set('app', { refreshToken: 'left' }).then(() => events.push('written'));
  };
  const ended = store.exclusively('app', task).then(() => events.push('released'));
  await until(() => lockNames(store).length > 2);
  program.kill('SIGCONT');
  await ended;
  assert.equal(events, ['written', 'released']);
});

posixTest('a stopped process keeps its lock, also if it has as many connections as the system allows', async () => {
  using store = newStore(isLinux ? deep : '');
  const program = await holder(store);
  program.kill('SIGSTOP');
  const before = process.cwd();
  process.chdir(`${store.path}-locks`);
  const [socket = ''] = readdirSync('.');
  const sockets: Socket[] = [];
  let looks = 0;
  const looking = new Set<Socket>();
  const countLooks = (...args: Parameters<typeof connect>) => {
    const socket = connect(...args);
    // The write that waits in vain looks now and then.
    if (!String(args[0]).includes(lockOfApp)) return socket;
    looks++;
    looking.add(socket);
    return socket;
  };
  Object.assign(net, { connect: countLooks });
  try {
    for (const [length, maxLooks] of [
      [0, 2],
      [600, 10],
    ] as const) {
      sockets.push(...Array.from({ length }, () => connect(socket).on('error', () => {})));
      for (const timeout of [0, 400]) {
        const fewest = await least(maxLooks, 5, async () => {
          looks = 0;
          assertBusy(await errorOf(store.exclusively('app', async () => {}, { timeout })), program);
          return looks;
        });
        assert.ok(fewest <= maxLooks, `${fewest} looks`);
      }
      const reason = new Error('no longer needed');
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 100);
      assert.is(await errorOf(store.exclusively('app', async () => {}, { signal: controller.signal })), reason);
    }
    assert.ok(Array.from(looking).every(({ destroyed }) => destroyed));
  } finally {
    Object.assign(net, { connect });
    process.chdir(before);
    for (const each of sockets) each.destroy();
    program.kill('SIGKILL');
  }
  await store.exclusively('app', async () => {});
});

(isLinux ? test : test.skip)(
  'a wait that was aborted leaves no file open, also if the path is too long for a socket',
  async () => {
    using store = newStore(deep);
    const program = await holder(store);
    const isFolder = (link: string): boolean => existsSync(link) && readlinkSync(link) === `${store.path}-locks`;
    const opened = () => readdirSync('/proc/self/fd').filter((descriptor) => isFolder(`/proc/self/fd/${descriptor}`));
    const stop = new AbortController();
    const aborted = errorOf(store.exclusively('app', async () => {}, { signal: stop.signal }));
    await until(() => lockNames(store).filter((name) => !name.includes('new')).length === 2 && opened().length > 0);
    stop.abort();
    assert.is((await aborted).name, 'AbortError');
    assert.equal(opened(), []);
    program.kill('SIGKILL');
  },
);

posixTest(
  'a process that chooses its number is waited for, also by one that tries once, but not for ever',
  async () => {
    using store = newStore();
    const [draft, place] = ['new-1.a', '000001-0.a'].map((end) => `${store.path}-locks/${lockOfApp}-${end}`) as [
      string,
      string,
    ];
    const choose = async () => {
      mkdirSync(`${store.path}-locks`, { mode: 0o700, recursive: true });
      const server = createServer().listen(draft);
      await once(server, 'listening');
      return server;
    };
    let choosing = await choose();
    const tryOnce = () => store.exclusively('app', async () => 'ran', { timeout: 0 });
    assert.is((await errorOf(tryOnce())).code, 'STORE_BUSY');
    // It turns out to be ahead.
    const chosen = delay(50).then(() => renameSync(draft, place));
    assert.is((await errorOf(tryOnce())).code, 'STORE_BUSY');
    await chosen;
    renameSync(place, draft);
    const inVain = await least(0, 5, async () => {
      const trying = tryOnce().then(
        () => 0,
        () => 1,
      );
      await delay(50);
      choosing.close();
      if (await trying) choosing = await choose();
      return trying;
    });
    assert.is(inVain, 0);
    assert.equal(filesBeside(store), []);
  },
);

test('a process that has nothing more to do ends, and its lock with it, although another one waits', async () => {
  using store = newStore();
  const program = startProgram('leave', [store.path]);
  assert.is(await program.line(), 'holds');
  const turn = store.exclusively('app', async () => 'my turn');
  await delay(50);
  program.tell('leave');
  assert.is(await within('its turn', turn), 'my turn');
});

posixTest('a process that waits goes on when the task of another process ends, which itself goes on', async () => {
  using store = newStore();
  const program = await store.exclusively('app', async () => {
    const next = await waiter(store);
    await delay(50);
    return next;
  });
  const released = performance.now();
  assert.is(await program.line(), 'holds');
  const waited = performance.now() - released;
  // Without being told, it looks when its time is up.
  assert.ok(waited < 20_000, `it took ${waited} ms`);
});

posixTest('the lock of a worker of a cluster is its own, and not of the primary process', async () => {
  using store = newStore();
  const primary = startProgram('hold-in-cluster', [store.path]);
  const worker = Number(await primary.line());
  const busy = await errorOf(store.exclusively('app', async () => {}, { timeout: 0 }));
  assert.equal([busy.code, busy.pid], ['STORE_BUSY', worker]);
  primary.kill('SIGSTOP');
  process.kill(worker, 'SIGKILL');
  await within(
    'the lock',
    store.exclusively('app', async () => {}),
  );
  primary.kill('SIGKILL');
});

posixTest(
  'a write waits while a process writes, and after 5 seconds is STORE_BUSY with its process id',
  () => longWait,
);

for (const [what, folder, isTraced] of [
  ['a path that is too long for a socket', deep, false],
  ['a file system without sockets', '', true],
] as const) {
  (windows || (isTraced && !canTrace) ? test.skip : test)(
    `${what} is no obstacle, and its locks count for all`,
    async () => {
      using store = newStore(folder);
      // As FAT shows what was made with 0700.
      if (isTraced) mkdirSync(`${store.path}-locks`, { mode: 0o755 });
      const tool = (error: string): string[] => (isTraced ? failFirst({ bind: error }) : []);
      const program = await holder(store, 30_000, tool('EPERM'));
      const locks = isTraced ? `/tmp/token-store-file-${process.getuid?.()}` : `${store.path}-locks`;
      assert.is(statSync(locks).mode & 0o777, 0o700);
      const other = startProgram('hold', [store.path, 'app', 0, 300], tool('ENOSYS'));
      assert.match((await other.ended).output, 'STORE_BUSY');
      const waiting = startProgram('hold', [store.path, 'app', 0], tool('EOPNOTSUPP'));
      assert.is(await waiting.line(), 'asks');
      spawnSync('pkill', ['-KILL', '-P', String(program.pid)]);
      program.kill('SIGKILL');
      assert.match((await waiting.ended).output, 'holds\ndone');
      assert.equal(filesBeside(store), []);
    },
  );
}

(windows || !canTrace ? test.skip : test)(
  'a folder that another process removes before the socket is made, and one that ends during the connection, are no obstacle',
  async () => {
    using store = newStore();
    const program = await store.exclusively('app', async () => {
      const before = failFirst({ bind: 'ENOENT', connect: 'ECONNRESET' });
      const waiting = startProgram('hold', [store.path, 'app', 0], before);
      await until(() => lockNames(store).length === 2);
      return waiting;
    });
    assert.is((await program.ended).output, 'asks\nholds\ndone');
  },
);

posixTest('on Windows, the locks are named pipes', async () => {
  // Here they are sockets in this folder.
  const folder = temporaryDirectory();
  const code = "Object.defineProperty(process,'platform',{value:'win32'})";
  const options = `NODE_OPTIONS=--import=data:text/javascript,${code}`;
  const tool = ['env', options, 'sh', '-c', 'cd "$0" && exec "$@"', folder];
  using store = newStore();
  const program = await holder(store, 30_000, tool);
  const [pipe = '', ...others] = [...readdirSync(folder), ...filesBeside(store)];
  assert.match(pipe, /^\\\\\.\\pipe\\token-store-file-[0-9a-f]{32}$/);
  assert.equal(others, []);
  for (const name of ['app', 'other']) {
    const { output } = await startProgram('hold', [store.path, name, 0, 200], tool).ended;
    assert.is(output, name === 'app' ? 'asks\nSTORE_BUSY undefined' : 'asks\nholds\ndone');
  }
  const waiting = startProgram('hold', [store.path, 'app', 0], tool);
  assert.is(await waiting.line(), 'asks');
  program.kill('SIGKILL');
  await program.ended;
  // Windows does that.
  rmSync(join(folder, pipe));
  assert.is((await waiting.ended).output, 'holds\ndone');
});

posixTest('on a system without /proc, the locks of a path that is too long for a socket are in /tmp', async () => {
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'darwin' });
  try {
    // It stays, so that an earlier run has made it. Another one may use it now.
    rmdirSync(`/tmp/token-store-file-${process.getuid?.()}`);
  } catch {}
  try {
    for (const [folder, isInTmp] of [
      // The system counts bytes.
      ['漢'.repeat(15), true],
      ['x', false],
    ] as const) {
      using store = newStore(folder);
      const name = createHash('sha256').update(store.path).digest('hex').slice(0, 16);
      const locks = `/tmp/token-store-file-${process.getuid?.()}/${name}`;
      assert.is(await store.exclusively('app', async () => existsSync(locks)), isInTmp);
      assert.equal([existsSync(locks), filesBeside(store)], [false, []]);
    }
  } finally {
    Object.defineProperty(process, 'platform', { value: platform });
  }
});

posixTest(
  'a process that may open few files finds the lock held, and those that have given up waiting leave nothing',
  async () => {
    using store = newStore();
    const few = ['sh', '-c', 'ulimit -n 64 && exec "$@"', 'sh'];
    const held = await store.exclusively('app', async () => {
      const { output } = await startProgram('give-up', [store.path, 'app', 150], few).ended;
      return [output.trim(), lockNames(store).length];
    });
    assert.equal(held, ['STORE_BUSY', 1]);
  },
);

posixTest('on a network file system, locks and writes are STORE_OPEN, and reading works', async () => {
  // None can be mounted here, so this program is told that all are.
  const { output } = await startProgram('on-network', [join(temporaryDirectory(), 'tokens.json')]).ended;
  assert.equal(output.trim().split('\n'), [
    'get undefined',
    'set STORE_OPEN network-file-system',
    'exclusively STORE_OPEN network-file-system',
  ]);
});

posixTest('the file system is asked for once, because a computer may have thousands of mounts', async () => {
  using store = newStore();
  const { statfsSync } = fs;
  let asked = 0;
  Object.assign(fs, { statfsSync: (path: string) => ++asked && statfsSync(path) });
  try {
    for (let lock = 0; lock < 3; lock++) await store.exclusively('app', async () => {});
  } finally {
    Object.assign(fs, { statfsSync });
  }
  assert.is(asked, 1);
});

(isRoot && hasPlaceForUsers ? test : test.skip)('root and a user share the locks of a file of that user', async () => {
  const directory = directoryForUsers();
  chownSync(directory, otherUser, otherUser);
  using store = openFileTokenStore(join(directory, 'tokens.json'));
  await store.set('app', { refreshToken: 'by root' });
  assert.equal([statSync(store.path).uid, statSync(store.path).mode & 0o777], [otherUser, 0o600]);
  const attempt = startProgram('attempt', [store.path, 'exclusively', 'set', 'get']);
  assert.equal(JSON.parse((await attempt.ended).output).results, ['ran', null, { refreshToken: 'new' }]);
  const task = async (): Promise<string> => (await startProgram('attempt', [store.path, 'exclusively']).ended).output;
  assert.match(await store.exclusively('app', task), '"code":"STORE_BUSY"');
});

(isRoot && hasPlaceForUsers ? test : test.skip)(
  'what root has not given to the owner yet keeps no user waiting',
  async () => {
    for (const made of ['folder', 'socket']) {
      const directory = directoryForUsers();
      const path = join(directory, 'tokens.json');
      mkdirSync(`${path}-locks`, { mode: 0o700 });
      chownSync(directory, otherUser, otherUser);
      if (made === 'socket') chownSync(`${path}-locks`, otherUser, otherUser);
      const server = createServer();
      const draft = `${path}-locks/${lockOfApp}-new-1.a`;
      if (made === 'socket') await new Promise<void>((resolve) => server.listen(draft, resolve));
      const { output } = await startProgram('attempt', [path, 'exclusively']).ended;
      assert.equal(JSON.parse(output).results, ['ran'], `${made}: ${output}`);
      assert.equal(readdirSync(directory), []);
      server.close();
    }
  },
);

posixTest('a folder of locks that others can write, or have made, is STORE_OPEN', async () => {
  using store = newStore();
  mkdirSync(`${store.path}-locks`);
  for (const [mode, uid] of [[0o775, undefined], ...(isRoot ? [[0o700, otherUser]] : [])] as [number, number?][]) {
    chmodSync(`${store.path}-locks`, mode);
    if (uid !== undefined) chownSync(`${store.path}-locks`, uid, uid);
    const { code, reason } = await errorOf(store.exclusively('app', async () => {}));
    assert.equal([code, reason], ['STORE_OPEN', 'exposed']);
  }
});

posixTest('what stands in the place of a socket and cannot be one is STORE_OPEN, at once', async () => {
  using store = newStore();
  mkdirSync(`${store.path}-locks`, { mode: 0o700 });
  const name = `${lockOfApp}-000001-1.a`;
  fs.symlinkSync(name, `${store.path}-locks/${name}`);
  const { code, reason } = await errorOf(store.exclusively('app', async () => {}));
  assert.equal([code, reason], ['STORE_OPEN', 'not-a-file']);
});

posixTest('a holder that may open no more files, and so closes each connection, is asked every 50 ms', async () => {
  using store = newStore();
  mkdirSync(`${store.path}-locks`, { mode: 0o700 });
  let asked = 0;
  const server = createServer((socket) => ++asked && socket.destroy());
  await new Promise((resolve) =>
    server.listen(`${store.path}-locks/${lockOfApp}-000001-1.a`, () => resolve(undefined)),
  );
  const waiting = errorOf(store.exclusively('app', async () => {}, { timeout: 400 }));
  assert.is(((await waiting) as TokenStoreError).code, 'STORE_BUSY');
  assert.ok(asked <= 400 / 50 + 3, `${asked} times`);
  const next = store.exclusively('app', async () => 'ran');
  server.close();
  assert.is(await next, 'ran');
});

posixTest('a caller whose time is up gets STORE_BUSY also if the folder of locks was removed', async () => {
  using store = newStore();
  const task = async () => {
    rmSync(`${store.path}-locks`, { recursive: true });
    return waiting;
  };
  const held = store.exclusively('app', task);
  const waiting = errorOf(store.exclusively('app', async () => {}, { timeout: 100 }));
  const { code, pid } = (await held) as TokenStoreError;
  assert.equal([code, pid], ['STORE_BUSY', undefined]);
});

test.run();

function statOf(pid: number | undefined): string {
  return spawnSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8' }).stdout;
}
