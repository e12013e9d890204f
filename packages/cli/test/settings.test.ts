import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commonOptions, type Flags, readTokenFlags } from '../src/settings/common-options.ts';
import { readSettings } from '../src/settings/settings.ts';

const env = { HOME: '/home/ada' };

test('the command line wins over the environment, which wins over the default', () => {
  assert.is(readSettings({}, env).app, 'onedrive-token');
  assert.is(readSettings({}, { ...env, ONEDRIVE_TOKEN_APP: 'env' }).app, 'env');
  assert.is(readSettings({ app: 'flag' }, { ...env, ONEDRIVE_TOKEN_APP: 'env' }).app, 'flag');
});

for (const { key, env: variable, value } of commonOptions.filter((option) => option.value)) {
  test(`${variable} sets ${key}, and counts as unset if it is empty`, () => {
    const given = key === 'timeout' ? '7' : value === 'file' ? '/some/file' : 'https://some.example/thing';
    const expected = key === 'timeout' ? 7000 : given;
    assert.is(readSettings({}, { ...env, [variable]: given })[key as 'app'], expected);
    assert.equal(readSettings({}, { ...env, [variable]: '' }), readSettings({}, env));
  });
}

for (const [variable, key, on] of [
  ['ONEDRIVE_TOKEN_JSON', 'json', true],
  ['ONEDRIVE_TOKEN_VERBOSE', 'verbose', true],
  ['ONEDRIVE_TOKEN_NO_INTERACTIVE', 'interactive', false],
] as const) {
  test(`${variable} is on for 1, true, yes and on; off for 0, false, no, off and if it is empty`, () => {
    for (const word of ['1', 'true', 'YES', 'on']) assert.is(readSettings({}, { ...env, [variable]: word })[key], on);
    for (const word of ['0', 'false', 'No', 'off', ''])
      assert.is(readSettings({}, { ...env, [variable]: word })[key], !on);
  });
}

test('a relative path of the database starts at the working directory', () => {
  assert.is(readSettings({ db: 'some/tokens.db' }, env).db, resolve('some/tokens.db'));
});

for (const [seconds, milliseconds] of [
  ['1', 1000],
  ['0.5', 500],
  ['0.0001', 1],
  ['2147483', 2_147_483_000],
] as const) {
  test(`a timeout of ${seconds} s is ${milliseconds} ms`, () => {
    assert.is(readSettings({ timeout: seconds }, env).timeout, milliseconds);
  });
}

for (const seconds of ['0', '-1', '1e3', '0x10', 'NaN', 'Infinity', '2147484', '1 000', '']) {
  test(`a timeout of '${seconds}' is refused`, () => {
    assert.throws(() => readSettings({ timeout: seconds }, env), /--timeout: expected/);
  });
}

for (const [line, flags] of [
  ['', {}],
  ['token', {}],
  ['--json', { json: true }],
  ['token --app a --db=b --client-id c', { app: 'a', db: 'b', clientId: 'c' }],
  ['--no-interactive --verbose --timeout 3', { interactive: false, verbose: true, timeout: '3' }],
  ['--app a --app b', { app: 'b' }],
  ['--app --json', { app: '--json' }],
  ['--app=', { app: '' }],
  ['--app=a=b', { app: 'a=b' }],
] as const satisfies [string, Flags][]) {
  test(`'${line}' only asks for a token`, () => {
    assert.equal(readTokenFlags(line.split(' ').filter(Boolean)), flags);
  });
}

for (const line of ['login', '--help', '--app', '--json=yes', 'token token', '--app a login', '--', 'token --', '-V']) {
  test(`'${line}' is left to the real parser`, () => {
    assert.is(readTokenFlags(line.split(' ')), undefined);
  });
}

test.run();
