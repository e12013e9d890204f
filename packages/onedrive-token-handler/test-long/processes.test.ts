import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from '../test/scene.ts';

const script = fileURLToPath(new URL('../test/get-token-process.ts', import.meta.url));

test('32 processes with 32 calls each at expiry make one refresh, and all get the same token', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  const { authority, dbFilepath } = scene;
  const scopes = ['Files.ReadWrite.All'];
  const base = { appName: 'my-app', clientId: authority.clientId, authority: authority.url, interactive: false };
  const options = JSON.stringify({ ...base, scopes, dbFilepath });
  const ended = await Promise.all(Array.from({ length: 32 }, () => scene.run([script, options, '32'], {}, 60_000)));
  const tokens = ended.flatMap(({ stdout }) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).token),
  );
  assert.is(tokens.length, 1024);
  assert.is(new Set(tokens).size, 1);
  assert.ok(tokens[0]);
  assert.is(authority.count('token', 'refresh_token'), 1);
});

test.run();
