import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBeside, holder, newStore, queueFile, queueOf, until, waiter } from '../test/lock-holders.ts';

const posix = process.platform === 'win32' ? test.skip : test;

test('a lost or garbled queue file costs no caller the lock', async () => {
  for (const harm of [
    (file: string) => rmSync(file),
    (file: string) => writeFileSync(file, '\0\xff garbage\nwait\nhold x y\ndone\nwait a -1 9e99\nwait b NaN x\n'),
    (file: string) => appendFileSync(file, 'wait 1'),
    // The process runs, but this waiter's time is long over: another process may have its process id now.
    (file: string) => appendFileSync(file, `wait late ${process.pid} 5\n`),
  ]) {
    using store = newStore();
    const program = await holder(store);
    const turn = store.exclusively('app', async () => 'my turn');
    await until(() => queueOf(store).includes(`wait ${process.pid}-`));
    harm(queueFile(store) ?? '');
    await delay(50);
    program.kill('SIGKILL');
    assert.is(await turn, 'my turn');
    assert.equal(filesBeside(store), ['tokens.db']);
  }
});

posix('a waiter that is killed or stopped does not keep the others waiting', async () => {
  for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
    using store = newStore();
    const first = await holder(store);
    const gone = await waiter(store);
    const turn = store.exclusively('app', async () => performance.now());
    await until(() => queueOf(store).includes(`wait ${process.pid}-`));
    gone.kill(signal);
    const released = performance.now();
    first.kill('SIGKILL');
    const waited = (await turn) - released;
    assert.ok(waited < 2_000, `${signal}: ${waited} ms`);
    gone.kill('SIGKILL');
    await gone.ended;
    await store.exclusively('app', async () => {});
    assert.equal(filesBeside(store), ['tokens.db']);
  }
});

test.run();
