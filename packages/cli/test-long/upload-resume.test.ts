import { randomBytes } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { until } from 'testing-authority/until';
import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

const inHome = (name: string): string => `${home.folder}/${name}`;
/** Two whole pieces and a bit of a third one. */
const big = randomBytes(21 * 1024 * 1024 + 7);
writeFileSync(inHome('big.img'), big);
const uploads = inHome('data/onedrive-token/uploads.json');

/** How many requests with a piece the provider has got since its request number `since`. */
function sentPieces(since: number): number {
  return authority.requests.slice(since).filter(({ method, endpoint }) => endpoint === 'content' && method === 'PUT')
    .length;
}

test('an upload goes on where it stopped after its process died', async () => {
  const running = home.start(['api', '/me/drive/root:/resumed.img', '--upload', inHome('big.img')]);
  const before = authority.requests.length;
  // The second piece is not answered.
  await until(() => sentPieces(before) >= 1);
  authority.fail('content', { type: 'hang' }, { times: 9 });
  await until(() => sentPieces(before) >= 2);
  running.child.kill('SIGKILL');
  await running.ended;
  authority.clearFaults();
  if (process.platform !== 'win32') assert.is(statSync(uploads).mode & 0o077, 0);
  const resumed = authority.requests.length;
  const { status, stdout } = await home.run(['api', '/me/drive/root:/resumed.img', '--upload', inHome('big.img')]);
  assert.is(status, 0);
  assert.is(JSON.parse(stdout).size, big.length);
  assert.is(sentPieces(resumed), 2);
  assert.not(authority.requests.slice(resumed).some(({ path }) => path.includes('createUploadSession')));
  assert.equal(JSON.parse(readFileSync(uploads, 'utf8')), {});
});

test('Ctrl-C during an upload says that it can go on', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows lets no program send another a signal');
  authority.fail('content', { type: 'hang' });
  const before = authority.requests.length;
  const running = home.start(['api', '/me/drive/root:/late.img', '--upload', inHome('big.img')]);
  await until(() => sentPieces(before) >= 1);
  running.child.kill('SIGINT');
  const { status, stderr } = await running.ended;
  assert.is(status, 130);
  assert.is(stderr, 'Run the same command again to continue the upload.\nInterrupted.\n');
});

test.run();
