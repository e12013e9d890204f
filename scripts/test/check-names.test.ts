import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkNames } from '../../packages/token-store-kit/src/check-names.ts';

const root = join(import.meta.dirname, '../..');
const copies = globSync('packages/*/src/check-names.ts', { cwd: root }).sort();
const known = { dbFilepath: true, appName: true, port: true, path: true, host: true, timeout: true };

test('the copies of check-names.ts are equal', () => {
  assert.is(copies.length, 5, String(copies));
  const [first = '', ...others] = copies;
  for (const other of others) {
    assert.is(readFileSync(join(root, other), 'utf8'), readFileSync(join(root, first), 'utf8'), other);
  }
});

test('known names are accepted, also if they are undefined', () => {
  checkNames({}, known);
  checkNames({ port: 1, host: undefined }, known);
});

for (const [name, meant] of [
  ['db_filepath', 'dbFilepath'],
  ['DBFilePath', 'dbFilepath'],
  ['dbFilePath', 'dbFilepath'],
  ['app-name', 'appName'],
  ['prot', 'port'],
  ['pots', 'port'],
  ['timeOut', 'timeout'],
  ['timout', 'timeout'],
] as const) {
  test(`${name} is refused, and ${meant} is suggested`, () => {
    assert.throws(
      () => checkNames({ port: 1, [name]: 'a secret' }, known),
      (error: Error) =>
        error instanceof TypeError && error.message === `unknown option "${name}": did you mean ${meant}?`,
    );
  });
}

for (const name of ['redirectUri', 'x', '__proto__x', 'constructor', 'toString', 'hasOwnProperty']) {
  test(`${name} is like no known name: all of them are listed`, () => {
    assert.throws(
      () => checkNames({ [name]: 1 }, known, 'field'),
      new RegExp(`^unknown field "${name}": known are dbFilepath, appName, port, path, host, timeout$`),
    );
  });
}

test.run();
