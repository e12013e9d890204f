// Takes about 4 s.
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { openKeyringScene } from '../test/fixtures/keyring-scene.ts';

const { session, signIn, ...scene } = await openKeyringScene();
always.after(() => scene[Symbol.asyncDispose]());

const test = session ? always : always.skip;

test('while the keyring is locked every command ends with 7, and nothing is lost', async () => {
  if (!session) return;
  using person = await signIn(['--keyring']);
  await session.lock('dismissed');
  for (const args of [[], ['status'], ['logout', '--all'], ['rekey', '--decrypt'], ['login', '--keyring']]) {
    const { status, stdout, stderr } = await person.run(args);
    assert.is(status, 7, stderr);
    assert.is(stdout, '');
    // If the keyring takes longer than 1.5 s, a line before says that the command waits for it.
    assert.match(stderr, /^onedrive-token: the keyring is locked .*Unlock it/m);
  }
  await session.unlock();
  assert.ok(await person.works());
});

always.run();
