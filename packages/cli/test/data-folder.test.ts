import { normalize } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { dataFolder } from '../src/settings/database-name.ts';

const home = { HOME: '/home/ada' };

for (const [platform, env, data] of [
  ['linux', home, '/home/ada/.local/share/onedrive-token'],
  ['freebsd', home, '/home/ada/.local/share/onedrive-token'],
  ['darwin', home, '/home/ada/Library/Application Support/onedrive-token'],
  ['win32', { LOCALAPPDATA: '/Local' }, '/Local/onedrive-token'],
] as const) {
  test(`on ${platform} the folder is the one of the platform`, () => {
    assert.is(dataFolder(env, platform), normalize(data));
  });

  test(`on ${platform} an absolute XDG_DATA_HOME wins`, () => {
    assert.is(dataFolder({ ...env, XDG_DATA_HOME: '/xdg/data' }, platform), normalize('/xdg/data/onedrive-token'));
  });

  test(`on ${platform} an XDG_DATA_HOME that is relative or empty is ignored`, () => {
    for (const wrong of ['', 'data', './data']) {
      assert.is(dataFolder({ ...env, XDG_DATA_HOME: wrong }, platform), normalize(data));
    }
  });
}

test('without LOCALAPPDATA there is no folder on Windows', () => {
  assert.is(dataFolder({}, 'win32'), undefined);
});

test.run();
