import os, { homedir } from 'node:os';
import { normalize } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dataFilepath } from '../src/index.ts';

const home = { HOME: '/home/ada' };

for (const [platform, env, file] of [
  ['linux', home, '/home/ada/.local/share/my-backup/tokens.db'],
  ['linux', {}, `${homedir()}/.local/share/my-backup/tokens.db`],
  ['freebsd', home, '/home/ada/.local/share/my-backup/tokens.db'],
  ['darwin', home, '/home/ada/Library/Application Support/my-backup/tokens.db'],
  ['win32', { LOCALAPPDATA: '/Local' }, '/Local/my-backup/tokens.db'],
] as const) {
  test(`on ${platform} the file is in the folder of the platform`, () => {
    assert.is(dataFilepath('my-backup', { env, platform }), normalize(file));
  });

  test(`on ${platform} an absolute XDG_DATA_HOME wins`, () => {
    const set = { ...env, XDG_DATA_HOME: '/xdg/data' };
    assert.is(dataFilepath('my-backup', { env: set, platform }), normalize('/xdg/data/my-backup/tokens.db'));
  });

  test(`on ${platform} an XDG_DATA_HOME that is relative or empty is ignored`, () => {
    for (const wrong of ['', 'data', './data']) {
      assert.is(dataFilepath('my-backup', { env: { ...env, XDG_DATA_HOME: wrong }, platform }), normalize(file));
    }
  });
}

test('without a home folder it throws, and does not fall back to the working directory', () => {
  const find = (env: Record<string, string>, platform: string) => () => dataFilepath('my-backup', { env, platform });
  const isExplained = /^There is no home folder .*XDG_DATA_HOME/;
  assert.throws(find({}, 'win32'), isExplained);
  assert.throws(find({ HOME: 'relative' }, 'linux'), isExplained);
  const { homedir } = os;
  // As for a user whom the system does not know.
  const fail = (): never => {
    throw new Error('uv_os_homedir returned ENOENT');
  };
  Object.assign(os, { homedir: fail });
  try {
    assert.throws(find({}, 'linux'), isExplained);
  } finally {
    Object.assign(os, { homedir });
  }
});

test('a program has its own folder: a name that would lead elsewhere is a TypeError', () => {
  for (const wrong of ['', '.', '..', '../x', '/etc', 'a/b', 'a\\b', 'a\0', undefined]) {
    assert.throws(
      () => dataFilepath(wrong as string),
      (error: unknown) => error instanceof TypeError,
    );
  }
  assert.match(dataFilepath('…'), /…/);
});

test.run();
