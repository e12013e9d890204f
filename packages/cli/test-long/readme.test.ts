import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
const { home, authority, ...scene } = await openScene({ env: { SCRIPTED_BROWSER: '{"username":"ada@example.com"}' } });
test.after(() => scene[Symbol.asyncDispose]());

test('the first example runs unchanged, apart from ids and addresses', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
  const [, example = ''] = /```sh\n(onedrive-token login[\s\S]*?)```/.exec(readme) ?? [];
  writeFileSync(join(home.folder, 'notes.txt'), 'a note');
  const script = example
    .replace('YOUR-CLIENT-ID', authority.clientId)
    .replaceAll('https://graph.microsoft.com/v1.0', authority.graphUrl);
  const { status, stdout, stderr } = await home.shell(`set -ex; ${script}`);
  assert.is(status, 0, stderr);
  assert.match(example, /# Signed in as .+ \(ada@example\.com\)\./);
  assert.match(stderr, /\nSigned in as .+ \(ada@example\.com\)\.\n/);
  assert.match(stdout, 'Signed in as Ada');
  assert.is(readFileSync(join(home.folder, 'copy.txt'), 'utf8'), 'a note');
});

test.run();
