import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { approveDevice, startAuthority } from 'testing-authority';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
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

/** The first sample as a program, with another provider and file. */
function startSample(issuer: string, clientId: string, file: string) {
  const program = first
    .replace('https://login.example.com', issuer)
    .replaceAll('my-client-id', clientId)
    .replace('oauth.None()', 'oauth.None(), { execute: [oauth.allowInsecureRequests] }')
    .replace(/`\$\{homedir\(\)\}[^`]*`/, () => JSON.stringify(file));
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    cwd: new URL('..', import.meta.url),
    env: { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  const seen = { output: '', errors: '', status: undefined as number | null | undefined };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen.output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    seen.errors += text;
  });
  child.on('close', (code) => {
    seen.status = code;
  });
  return seen;
}

test('the first sample signs in and gets a token, with nothing but the provider and the file put in their places', async () => {
  const directory = temporaryDirectory();
  await using authority = await startAuthority({ deviceInterval: 1 });
  const file = join(directory, 'tokens.json');
  const seen = startSample(authority.issuer, authority.clientId, file);
  await until(() => seen.errors.includes('\n') || seen.status !== undefined, 20_000);
  const [, address = '', code = ''] = /^Open (\S+) and type (\S+)$/m.exec(seen.errors) ?? [];
  await approveDevice(address, code);
  await until(() => seen.status !== undefined, 20_000);
  assert.is(seen.status, 0, seen.errors);
  using store = openFileTokenStore(file);
  assert.match(seen.output, `accessToken: '${store.get('my-app')?.accessToken}'`);
  assert.match(seen.output, /expiresAt: \d{13},\s+obtainedAt: \d{13}/);
});

test('with a valid token in the store, the first sample needs no provider', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'tokens.json');
  using store = openFileTokenStore(file);
  const expiresAt = Date.now() + 3_600_000;
  await store.set('my-app', { refreshToken: 'refresh', accessToken: 'stored', obtainedAt: Date.now(), expiresAt });
  // Nothing listens at this port.
  const seen = startSample('http://127.0.0.1:9', 'my-client-id', file);
  await until(() => seen.status !== undefined, 20_000);
  assert.is(seen.status, 0, seen.errors);
  assert.match(seen.output, "accessToken: 'stored'");
});

test.run();
