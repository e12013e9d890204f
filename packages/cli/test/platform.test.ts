import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliHome } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runWithToken } from '../src/commands/exec.ts';
import { serve } from '../src/commands/serve/serve.ts';
import { readKeyFile } from '../src/session/key.ts';
import { findTrustedSocket } from '../src/session/socket-place.ts';
import { readSettings, suggestCommand } from '../src/settings/settings.ts';
import { Failure } from '../src/terminal/failure.ts';
import { Screen } from '../src/terminal/screen.ts';
import { writeOut } from '../src/terminal/streams.ts';

// What depends on the platform alone. How Windows itself behaves, the other tests show there.
const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor;
const stdout = Object.getOwnPropertyDescriptor(process, 'stdout') as PropertyDescriptor;
const be = (value: NodeJS.Platform): void => {
  Object.defineProperty(process, 'platform', { ...platform, value });
};
test.before.each(() => be('win32'));
test.after.each(() => {
  Object.defineProperty(process, 'platform', platform);
  Object.defineProperty(process, 'stdout', stdout);
});

test('a command to copy is quoted as cmd.exe and PowerShell want it', () => {
  for (const [app, windows, others] of [
    [String.raw`C:\ada`, String.raw`C:\ada`, String.raw`'C:\ada'`],
    ['my app', '"my app"', "'my app'"],
    ["it's", `"it's"`, String.raw`'it'\''s'`],
    ['a"b', String.raw`"a\"b"`, `'a"b'`],
    ['100%', '"100%"', '100%'],
  ] as const) {
    const settings = readSettings({ app }, { HOME: '/home/ada', LOCALAPPDATA: '/home/ada' });
    be('win32');
    assert.is(suggestCommand('login', settings), `onedrive-token login --app ${windows}`);
    be('linux');
    assert.is(suggestCommand('login', settings), `onedrive-token login --app ${others}`);
  }
});

test('a console of Windows gets its text by the stream of Node', () => {
  let written = '';
  const write = (text: string): void => {
    written += text;
  };
  Object.defineProperty(process, 'stdout', { configurable: true, value: { isTTY: true, write } });
  assert.ok(writeOut('ä'));
  assert.is(written, 'ä');
});

test('what a terminal shows is said by the locale, or by the terminal of Windows', () => {
  for (const [system, env, expected] of [
    ['win32', { WT_SESSION: '1' }, true],
    ['win32', { LANG: 'C.UTF-8' }, false],
    ['linux', { WT_SESSION: '1' }, false],
    ['linux', { LANG: 'de_DE.utf8' }, true],
    ['linux', { LC_CTYPE: 'C.UTF-8', LANG: 'C' }, true],
    ['linux', { LC_ALL: 'C', LC_CTYPE: 'C.UTF-8', LANG: 'C.UTF-8' }, false],
  ] as const) {
    be(system);
    assert.is(new Screen(env).isUnicode, expected, `${system} ${JSON.stringify(env)}`);
  }
});

test('Windows has no sockets with file modes, and no modes of a key file', async () => {
  assert.is(findTrustedSocket('some/socket'), 'some/socket');
  const error = await serve.run({} as never, {}, []).catch((reason: unknown) => reason);
  assert.match(`${error}`, 'Windows');
  using home = new CliHome();
  const file = join(home.folder, 'key');
  writeFileSync(file, 'key\r\n', { mode: 0o644 });
  assert.is(readKeyFile('--key-file', file), 'key');
});

test('a program that is not found may be a batch file on Windows', async () => {
  for (const [system, remedy] of [
    ['win32', 'Run a batch file so: onedrive-token exec -- cmd /c no-such-program'],
    ['linux', undefined],
  ] as const) {
    be(system);
    const run = runWithToken('token', ['no-such-program'], { db: '/tokens.db', postgresUrl: undefined });
    const error = await run.catch((reason: unknown) => reason);
    assert.instance(error, Failure);
    assert.equal([(error as Failure).status, (error as Failure).remedy], [127, remedy]);
  }
});

test.run();
