import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheFolder, dataFolder } from '../src/base-folders.ts';

const home = { HOME: '/home/ada' };

for (const [platform, env, data, cache] of [
  ['linux', home, '/home/ada/.local/share/onedrive-token', '/home/ada/.cache/onedrive-token'],
  ['freebsd', home, '/home/ada/.local/share/onedrive-token', '/home/ada/.cache/onedrive-token'],
  ['darwin', home, '/home/ada/Library/Application Support/onedrive-token', '/home/ada/Library/Caches/onedrive-token'],
  ['win32', { LOCALAPPDATA: '/Local' }, '/Local/onedrive-token', '/Local/onedrive-token/Cache'],
] as const) {
  test(`on ${platform} the folders are the usual ones`, () => {
    assert.is(dataFolder(env, platform), data);
    assert.is(cacheFolder(env, platform), cache);
  });

  test(`on ${platform} XDG variables that are absolute win`, () => {
    const xdg = { ...env, XDG_DATA_HOME: '/xdg/data', XDG_CACHE_HOME: '/xdg/cache' };
    assert.is(dataFolder(xdg, platform), '/xdg/data/onedrive-token');
    assert.is(cacheFolder(xdg, platform), '/xdg/cache/onedrive-token');
  });

  test(`on ${platform} XDG variables that are relative or empty are ignored`, () => {
    for (const wrong of ['', 'data', './data']) {
      assert.is(dataFolder({ ...env, XDG_DATA_HOME: wrong }, platform), data);
      assert.is(cacheFolder({ ...env, XDG_CACHE_HOME: wrong }, platform), cache);
    }
  });
}

test('without LOCALAPPDATA Windows has no folder', () => {
  assert.is(dataFolder({}, 'win32'), undefined);
  assert.is(cacheFolder({}, 'win32'), undefined);
});

test.run();
