import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { approveDevice, startAuthority } from 'testing-authority';
import { runNode, startNode } from 'testing-authority/node-process';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { openFileTokenStore } from 'token-store-file';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const examples = new URL('../examples/', import.meta.url);
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [, first = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];

test('the first sample is examples/get-token.ts, which is compiled, and it is complete within 30 lines', () => {
  assert.is(first, readFileSync(new URL('get-token.ts', examples), 'utf8'));
  assert.ok(readme.split('\n').indexOf('await shared.close();') < 30);
});

test('every example that it names is there', () => {
  const named = [...readme.matchAll(/`([\w-]+\.ts)`/g)].map(([, file]) => file ?? '');
  assert.equal(named.sort(), ['github.ts', 'google.ts']);
  for (const file of named) assert.ok(existsSync(new URL(file, examples)), file);
});

/** The arguments of Node for the first sample, with another provider and file. */
function sampleFor(issuer: string, clientId: string, file: string): string[] {
  const program = first
    .replace('https://login.example.com', issuer)
    .replaceAll('my-client-id', clientId)
    .replace('oauth.None()', 'oauth.None(), { execute: [oauth.allowInsecureRequests] }')
    .replace(/`\$\{homedir\(\)\}[^`]*`/, () => JSON.stringify(file));
  return ['--input-type=module-typescript', '--eval', program];
}

const cwd = new URL('..', import.meta.url);

test('the first sample signs in and gets a token, with nothing but the provider and the file put in their places', async () => {
  await using authority = await startAuthority({ deviceInterval: 1 });
  const file = join(temporaryDirectory(), 'tokens.json');
  const sample = await startNode(sampleFor(authority.issuer, authority.clientId, file), { until: '\n', cwd });
  const [, address = '', code = ''] = /^Open (\S+) and type (\S+)$/m.exec(sample.warned()) ?? [];
  await approveDevice(address, code);
  assert.is(await sample.untilEnded(), 0, sample.warned());
  using store = openFileTokenStore(file);
  assert.match(sample.said(), `accessToken: '${store.get('my-app')?.accessToken}'`);
  assert.match(sample.said(), /expiresAt: \d{13},\s+obtainedAt: \d{13}/);
});

test('with a valid token in the store, the first sample needs no provider', async () => {
  const file = join(temporaryDirectory(), 'tokens.json');
  using store = openFileTokenStore(file);
  const expiresAt = Date.now() + 3_600_000;
  await store.set('my-app', { refreshToken: 'refresh', accessToken: 'stored', obtainedAt: Date.now(), expiresAt });
  // Nothing listens at this port.
  const { status, stdout, stderr } = await runNode(sampleFor('http://127.0.0.1:9', 'my-client-id', file), {}, { cwd });
  assert.is(status, 0, stderr);
  assert.match(stdout, "accessToken: 'stored'");
});

test.run();
