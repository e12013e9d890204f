import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OneDriveTokenError } from 'onedrive-token-handler';
import { openFiles } from 'testing-authority/open-files';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { serve } from '../src/commands/serve/serve.ts';
import { TokenDesk } from '../src/commands/serve/token-desk.ts';
import { readSettings } from '../src/settings/settings.ts';
import { Interrupt } from '../src/terminal/interrupt.ts';
import { Screen } from '../src/terminal/screen.ts';

// serve.test.ts has the same with a process. Here is what happens at a moment that a process cannot be made to meet.
const { home, ...scene } = await openSignedInScene();
const settings = readSettings({}, home.env);
test.after(() => scene[Symbol.asyncDispose]());

test('a database that is opened for a client while the server ends is closed', async () => {
  using interrupt = new Interrupt();
  const desk = new TokenDesk({ settings, screen: new Screen({}), interrupt });
  const asked = desk.getToken({}).catch(() => {});
  await desk[Symbol.asyncDispose]();
  await asked;
  assert.equal(
    openFiles().filter((file) => file.startsWith(home.db)),
    [],
  );
});

test('a database that cannot be read for a moment ends no session', async () => {
  if (process.platform !== 'linux') return console.log('skipped: only Linux shows which files are open');
  using interrupt = new Interrupt();
  const desk = new TokenDesk({ settings, screen: new Screen({}), interrupt });
  const { accessToken } = await desk.getToken({});
  const open = openFiles().filter((file) => file.startsWith(home.db));
  assert.ok(open.length > 0);
  const content = readFileSync(home.db);
  writeFileSync(home.db, Buffer.alloc(content.length, 'x'));
  const error = await desk.getToken({}).catch((reason: unknown) => reason);
  writeFileSync(home.db, content);
  assert.instance(error, OneDriveTokenError);
  assert.equal(
    openFiles().filter((file) => file.startsWith(home.db)),
    open,
  );
  assert.is((await desk.getToken({})).accessToken, accessToken);
  await desk[Symbol.asyncDispose]();
});

test('once the server ends, no database is opened for a client', async () => {
  using interrupt = new Interrupt();
  const desk = new TokenDesk({ settings, screen: new Screen({}), interrupt });
  interrupt.press();
  const error = await desk.getToken({}).catch((reason: unknown) => reason);
  assert.match(`${error}`, 'the server is ending');
});

test('a signal that comes as soon as the server listens ends it', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no Unix sockets with file modes');
  using interrupt = new Interrupt();
  const screen = Object.assign(new Screen({}), { say: () => interrupt.press() });
  const socket = join(home.folder, 'run/socket');
  mkdirSync(join(home.folder, 'run'), { mode: 0o700 });
  const ended = serve.run({ settings, screen, interrupt }, { socket }, []).then(() => 'ended');
  assert.is(await Promise.race([ended, sleep(10_000, 'it goes on', { ref: false })]), 'ended');
  assert.not(existsSync(socket));
});

test.run();
