import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const [sample = '', contractSample = ''] = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code);

/** A project that has installed the package as it is built. */
function newProject(files: Record<string, string>): string {
  assert.ok(existsSync(join(root, 'dist/index.js')), 'build the package first: turbo run build');
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'node_modules'));
  symlinkSync(root, join(directory, 'node_modules/token-store-sqlite'), 'junction');
  symlinkSync(join(root, 'node_modules/@types'), join(directory, 'node_modules/@types'), 'junction');
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

function run(
  file: string,
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const child = spawn(process.execPath, [file], { cwd, env: { ...process.env, ...env }, timeout: 20_000 });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ stdout, stderr, code })));
}

test('the sample refreshes once for many processes, and reads the token ever after', async () => {
  assert.ok(sample.trim().split('\n').length < 25, 'the sample is too long');
  assert.ok(readme.split('\n').slice(0, 30).join('\n').includes(sample), 'the sample ends too late');
  const directory = newProject({ 'sample.ts': sample });
  const path = join(directory, 'google', 'tokens.db');
  const spent: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    spent.push(new URLSearchParams(body).get('refresh_token') ?? '');
    response.end(
      JSON.stringify({ access_token: `access-${spent.length}`, refresh_token: 'second', expires_in: 3_600 }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const env = {
      TOKEN_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    };
    const early = await run('sample.ts', directory, env);
    assert.match(early.stderr, 'Error: Sign in first.');
    {
      using store = openTokenStore(path);
      store.set('ada@example.org', { refreshToken: 'first' });
    }
    for (const outcome of await Promise.all(Array.from({ length: 4 }, () => run('sample.ts', directory, env)))) {
      assert.equal(outcome, { stdout: 'access-1\n', stderr: '', code: 0 });
    }
    assert.equal(spent, ['first']);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('the sample of the contract suite runs', async () => {
  const store = readFileSync(join(root, 'test/memory-store.ts'), 'utf8');
  const directory = newProject({
    'contract.test.ts': contractSample,
    'memory-store.ts': store
      .replace('../src/contract.ts', 'token-store-sqlite/contract')
      .replace('../src/index.ts', 'token-store-sqlite'),
  });
  const { stdout, code } = await run('contract.test.ts', directory, {});
  assert.is(code, 0, stdout);
  assert.match(stdout, /pass 2\d/);
});

test('the contract suite loads neither SQLite nor a test library', () => {
  const directory = newProject({
    'loads.ts': `
      import { registerHooks } from 'node:module';
      const loaded: string[] = [];
      registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
      await import('token-store-sqlite/contract');
      console.log(JSON.stringify(loaded));`,
  });
  const { stdout, stderr } = spawnSync(process.execPath, ['loads.ts'], { cwd: directory, encoding: 'utf8' });
  const loaded = JSON.parse(stdout || stderr) as string[];
  assert.ok(
    loaded.some((url) => url.endsWith('/contract.js')),
    String(loaded),
  );
  assert.equal(
    loaded.filter((url) => !url.startsWith('node:') && !url.includes('/contract')),
    [],
  );
});

test.run();
