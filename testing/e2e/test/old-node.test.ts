import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cliBin } from '../src/cli.ts';

/** A Node on PATH that is too old for the command: the one that a bare Debian brings, for example. */
const oldNode = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .filter((file) => existsSync(file))
  .find((file) => {
    const [, major = '99'] = /^v(\d+)/.exec(spawnSync(file, ['--version'], { encoding: 'utf8' }).stdout) ?? [];
    return Number(major) < 22;
  });

if (!oldNode) console.log('skipped: what an old Node says needs one before 22 on PATH');
const onOldNode = oldNode ? test : test.skip;

onOldNode('on an old Node the command says what it needs, in one line, and ends with 1', () => {
  const { status, signal, stdout, stderr } = spawnSync(oldNode as string, [cliBin], {
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
