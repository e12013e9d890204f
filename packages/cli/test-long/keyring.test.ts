// Takes about 40 s.
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { noTerminal, openTerminal, sit } from 'testing-command/terminal';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { openKeyringScene } from '../test/fixtures/keyring-scene.ts';

const { session, signIn, home, authority, ...scene } = await openKeyringScene();
always.after(() => scene[Symbol.asyncDispose]());

const test = session ? always : always.skip;

test('rekey takes the key out of the keyring and keeps the sign-in, unencrypted or with a passphrase', async () => {
  using person = await signIn(['--keyring']);
  const { status, stderr } = await person.call(['rekey', '--decrypt']);
  assert.is(status, 0, stderr);
  assert.match(stderr, 'is not encrypted any more');
  person.entry.deletePassword();
  assert.ok(await person.works());
  await person.call(['rekey', '--keyring']);
  writeFileSync(join(person.home.folder, 'key'), 'pass phrase\n', { mode: 0o600 });
  assert.is((await person.call(['rekey', '--new-key-file', 'key'])).status, 0);
  person.entry.deletePassword();
  assert.is((await person.call([])).status, 7);
  assert.ok(await person.works({ env: { ONEDRIVE_TOKEN_KEY: 'pass phrase' } }));
});

test('a keyring entry that is missing, wrong or damaged ends with 7, and with the right entry the tokens are back', async () => {
  using person = await signIn(['--keyring']);
  const key = person.entry.getPassword() ?? '';
  for (const [wrong, says] of [
    [undefined, /ONEDRIVE_TOKEN_KEY or --key-file\. .*backup/],
    [Buffer.alloc(32).toString('base64url'), /ONEDRIVE_TOKEN_KEY or --key-file\. .*backup/],
    ['hunter2', /^(?!.*--key-file)/],
  ] as const) {
    if (wrong === undefined) person.entry.deletePassword();
    else person.entry.setPassword(wrong);
    for (const args of [[], ['--keyring'], ['rekey', '--keyring']]) {
      const { status, stderr } = await person.call(args);
      assert.is(status, 7);
      assert.match(stderr, says);
      assert.not.match(stderr, wrong ?? key);
      assert.is(person.entry.getPassword(), wrong ?? null);
    }
  }
  person.entry.setPassword(key);
  assert.ok(await person.works());
});

test('an interrupted move into the keyring loses nothing, and the next --keyring finishes it with the same key', async () => {
  using person = await signIn();
  const key = Buffer.alloc(32, 7).toString('base64url');
  const cuts = [
    () => person.entry.setPassword(key),
    () => writeFileSync(`${person.home.db}.keyring.json`, JSON.stringify({ account: person.home.db })),
  ];
  for (const cut of cuts) {
    cut();
    assert.ok(await person.works());
    assert.not(person.isEncrypted());
  }
  assert.ok(await person.works({ env: { ONEDRIVE_TOKEN_KEYRING: '1' } }));
  assert.ok(person.isEncrypted());
  assert.is(person.entry.getPassword(), key);
});

test('after several moves of one database at the same time, its key is in the keyring', async () => {
  using person = await signIn();
  const ended = await Promise.all([1, 2, 3, 4].map(() => person.run(['rekey', '--keyring'])));
  assert.ok(ended.some(({ status }) => status === 0));
  assert.ok(person.isEncrypted());
  assert.ok(await person.works());
});

test('with ONEDRIVE_TOKEN_KEYRING a command that may write encrypts, and finds the key even if its account is not remembered', async () => {
  using person = await signIn();
  const env = { ONEDRIVE_TOKEN_KEYRING: '1' };
  assert.is((await person.call(['status'], { env })).status, 0);
  assert.not(person.isEncrypted());
  assert.ok(await person.works({ env }));
  assert.ok(person.isEncrypted());
  writeFileSync(`${person.home.db}.keyring.json`, '');
  assert.is((await person.call([])).status, 7);
  assert.ok(await person.works({ env }));
  assert.ok(await person.works());
  assert.is((await person.call(['rekey', '--decrypt'], { env })).status, 2);
});

test('a database that is moved with its folder still finds its key', async () => {
  using person = await signIn(['--keyring']);
  cpSync(join(person.home.folder, 'data'), join(person.home.folder, 'moved'), { recursive: true });
  const env = { XDG_DATA_HOME: join(person.home.folder, 'moved') };
  assert.ok(await person.works({ env }));
  const another = { ONEDRIVE_TOKEN_KEYRING: '1', ONEDRIVE_TOKEN_KEY: 'of another database' };
  assert.ok(await person.works({ env: { ...env, ...another } }));
});

test('move says that the other database is not encrypted, if the key was in the keyring', async () => {
  using person = await signIn(['--keyring']);
  const { stderr } = await person.call(['move', '--to', 'plain.db']);
  assert.match(stderr, /plain\.db is not encrypted/);
});

test('Ctrl-C during the wait for the keyring ends with 130', async () => {
  if (!session) return;
  if (!openTerminal) return console.log(noTerminal);
  using person = await signIn(['--keyring']);
  await session.lock('waiting');
  using terminal = sit(person.home, ['list']);
  await terminal.shows(/Waiting for the keyring/);
  terminal.type('\u0003');
  await terminal.shows(/Interrupted\./);
  const { status, signal } = await terminal.ended;
  assert.ok(status === 130 || signal === 2, `${status} ${signal}`);
  await session.unlock();
  assert.ok(await person.works());
});

test('--no-interactive does not wait for a locked keyring: 7', async () => {
  if (!session) return;
  using person = await signIn(['--keyring']);
  await session.lock('waiting');
  const { status, stdout, stderr } = await person.call(['--no-interactive']);
  assert.is(status, 7);
  assert.is(stdout, '');
  assert.match(stderr, /^onedrive-token: the keyring is locked .*does not answer.*Unlock it.*\n$/);
  await session.unlock();
  assert.ok(await person.works());
});

test('rekey --encrypt asks for the new passphrase, and changes nothing if the two differ', async () => {
  if (!openTerminal) return console.log(noTerminal);
  using person = await signIn(['--keyring']);
  for (const [again, status] of [
    ['other', 2],
    ['pass phrase', 0],
  ] as const) {
    using terminal = sit(person.home, ['rekey', '--encrypt']);
    await terminal.shows(/New passphrase for .*: /);
    terminal.type('pass phrase\r');
    await terminal.shows(/Once more: /);
    terminal.type(`${again}\r`);
    assert.is((await terminal.ended).status, status);
    assert.not.match(terminal.output, 'pass phrase');
    assert.ok(await person.works({ env: status === 0 ? { ONEDRIVE_TOKEN_KEY: 'pass phrase' } : {} }));
  }
});

test('a kill at any moment of a move into the keyring or out of it loses no sign-in', async () => {
  using person = await signIn();
  const ends: (number | null)[] = [];
  for (let round = 0; round < 24; round++) {
    const { child, ended } = person.home.start(['rekey', round % 2 === 0 ? '--keyring' : '--decrypt']);
    await Promise.race([ended, sleep(30 + round * 5)]);
    child.kill('SIGKILL');
    ends.push((await ended).status);
    assert.ok(await person.works(), `after round ${round}`);
  }
  assert.ok(ends.includes(null), 'no move was killed');
  console.log(
    `\nmeasured: ${ends.filter((end) => end === null).length} of ${ends.length} moves killed, no sign-in lost`,
  );
});

test('rekey --keyring keeps the sign-in of an existing database, whether it was unencrypted or had a passphrase', async () => {
  const passphrase = { env: { ONEDRIVE_TOKEN_KEY: 'pass phrase' } };
  for (const before of [{ env: {} }, passphrase]) {
    using person = await signIn([], before);
    const { status, stdout, stderr } = await person.call(['rekey', '--keyring'], before);
    assert.is(status, 0, stderr);
    assert.is(stdout, '');
    assert.match(stderr, 'the keyring has the key');
    assert.ok(person.isEncrypted());
    assert.ok(await person.works());
  }
  using locked = await signIn([], passphrase);
  const { status, stderr } = await locked.call(['rekey', '--keyring']);
  assert.is(status, 7);
  assert.match(stderr, 'ONEDRIVE_TOKEN_KEY');
  assert.is(locked.entry.getPassword(), null);
  assert.ok(await locked.works(passphrase));
});

always.run();
