import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';
import { startProgram } from './start-program.ts';

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!canTrace) console.log('skipped: strace shows what is synced to the disk (apt-get install strace)');

(canTrace ? test : test.skip)(
  'a write, and the directories that it needs, are synced before the call returns',
  async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'new', 'deep', 'tokens.db');
    const trace = join(directory, 'trace');
    const calls = 'trace=mkdir,pwrite64,fsync,fdatasync,unlink';
    const tool = ['strace', '-y', '-o', trace, '-e', calls];
    await startProgram('once', ['create', path], tool).ended;
    const events = [...readFileSync(trace, 'utf8').matchAll(/^(\w+)\((?:\d+<|")([^">]+)/gm)]
      .filter(([, , file = '']) => file.startsWith(directory))
      .map(([, call, file = '']) => `${call} ${file.slice(directory.length)}`)
      .filter((event, index, all) => event !== all[index - 1]);
    const write = [
      'pwrite64 /new/deep/tokens.db-journal',
      'fsync /new/deep/tokens.db-journal',
      'fsync /new/deep',
      'pwrite64 /new/deep/tokens.db-journal',
      'fsync /new/deep/tokens.db-journal',
      'pwrite64 /new/deep/tokens.db',
      'fsync /new/deep/tokens.db',
      'unlink /new/deep/tokens.db-journal',
      'fsync /new/deep',
    ];
    const directories = ['mkdir /new', 'fsync ', 'mkdir /new/deep', 'fsync /new'];
    assert.equal(events, [...directories, ...write, ...write]);
  },
);

test('a call waits while another program writes', async () => {
  const path = join(temporaryDirectory(), 'tokens.db');
  using store = openTokenStore(path);
  store.set('app', { refreshToken: 'old' });
  for (const act of [() => store.get('app'), () => store.set('app', { refreshToken: 'new' })]) {
    const program = startProgram('block', [path, 600]);
    assert.is(await program.line(), 'blocks');
    act();
    assert.is((await program.ended).code, 0);
  }
  assert.equal(store.get('app'), { refreshToken: 'new' });
});

test.run();
