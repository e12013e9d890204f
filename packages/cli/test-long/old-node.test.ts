import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { bin } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** A Node on PATH that is too old for the command, for example that of a bare Debian. */
const oldNode = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .filter((file) => existsSync(file))
  .find((file) => {
    const [, major = '99'] = /^v(\d+)/.exec(spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout) ?? [];
    return Number(major) < 22;
  });

if (!oldNode) console.log('skipped: the message on an old Node needs a Node before 22 on PATH');
const onOldNode = oldNode ? test : test.skip;

onOldNode('on an old Node the command says in one line what it needs, and ends with 1', () => {
  const { status, signal, stdout, stderr } = spawnSync(oldNode as string, [bin], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  assert.is(signal, null);
  assert.is(status, 1);
  assert.is(stdout, '');
  assert.match(stderr, /needs Node\.js 22\.19 or newer/);
  assert.is(stderr.trim().split('\n').length, 1);
});

test.run();
