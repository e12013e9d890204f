import { globSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listen } from 'testing-authority/listen';
import { newProject, runIn } from 'testing-authority/project';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTokenStore } from '../src/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const [sample = ''] = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code);

/** Wine makes none. A copy of the package would not find its dependencies. */
function makesJunctions(): boolean {
  try {
    symlinkSync(root, join(temporaryDirectory(), 'link'), 'junction');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
    return false;
  }
}

test('the sample refreshes once for many processes, which then read the stored token', async () => {
  if (!makesJunctions()) return console.log('skipped: this system makes no junctions');
  assert.ok(sample.trim().split('\n').length < 25, 'the sample is too long');
  assert.ok(readme.split('\n').slice(0, 30).join('\n').includes(sample), 'the sample ends too late');
  const directory = newProject(root, ['@types'], { 'sample.ts': sample });
  const path = join(directory, 'my-calendar', 'tokens.db');
  const spent: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    spent.push(new URLSearchParams(body).get('refresh_token') ?? '');
    // RFC 6749 section 5.1: a provider may leave out `expires_in`.
    const expires = spent.length === 1 ? { expires_in: 3_600 } : {};
    response.end(
      JSON.stringify({ access_token: `access-${spent.length}`, refresh_token: `next-${spent.length}`, ...expires }),
    );
  });
  try {
    const env = {
      XDG_DATA_HOME: directory,
      TOKEN_ENDPOINT: `http://127.0.0.1:${await listen(server)}`,
    };
    const early = await runIn(directory, 'sample.ts', env);
    assert.match(early.stderr, 'Error: Sign in first.');
    {
      using store = openTokenStore(path);
      store.set('ada@example.org', { refreshToken: 'first' });
    }
    for (const outcome of await Promise.all(Array.from({ length: 3 }, () => runIn(directory, 'sample.ts', env)))) {
      assert.equal(outcome, { stdout: 'access-1\n', stderr: '', status: 0 });
    }
    assert.equal(spent, ['first']);
    using store = openTokenStore(path);
    store.set('ada@example.org', { refreshToken: 'again' });
    assert.equal(await runIn(directory, 'sample.ts', env), { stdout: 'access-2\n', stderr: '', status: 0 });
    assert.is(store.get('ada@example.org')?.refreshToken, 'next-2');
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('the table of errors has every reason that the sources give', () => {
  const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => readFileSync(join(root, file), 'utf8'));
  const given = sources.flatMap((text) => [...text.matchAll(/'STORE_[A-Z]+',\s*'([^']+)'|because\('([^']+)'/g)]);
  const reasons = new Set(given.map(([, inTuple, argument]) => inTuple ?? argument));
  assert.ok(reasons.size > 10, [...reasons].join());
  const table = readme.slice(readme.indexOf('## Errors'), readme.indexOf('## Security'));
  assert.equal(
    [...reasons].filter((reason) => !table.includes(`\`${reason}\``)),
    [],
  );
});

test.run();
