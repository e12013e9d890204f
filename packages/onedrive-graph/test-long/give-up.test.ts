// Takes about 13 s.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphClient, GraphClientError, type GraphWait, type TransferProgress } from '../src/index.ts';
import { openOddGraph } from '../test/odd-graph.ts';

const folder = mkdtempSync(join(tmpdir(), 'onedrive-graph-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** The error with which a transfer gives up, and the waits before. */
async function givesUp(
  start: (client: GraphClient) => Promise<unknown>,
  root: string,
): Promise<[unknown, GraphWait[]]> {
  const waits: GraphWait[] = [];
  const client = new GraphClient({ root, getToken: async () => 'the-token', onWait: (wait) => waits.push(wait) });
  const error = await start(client).then(
    () => new Error('it resolved'),
    (reason: unknown) => reason,
  );
  return [error, waits];
}

/** About 1 s, 2 s, 4 s and 8 s, so that many clients do not come back at the same moment. */
function assertGrowing(waits: readonly GraphWait[], reason: string): void {
  assert.equal(
    waits.map((wait) => [wait.reason, wait.attempt]),
    [1, 2, 3, 4].map((attempt) => [reason, attempt]),
  );
  for (const { delay, attempt } of waits) {
    const longest = 1000 * 2 ** (attempt - 1);
    assert.ok(delay >= longest / 2 && delay <= longest, `${delay} ms before attempt ${attempt + 1}`);
  }
}

test('a download gives up after 5 breaks in a row, an upload after 5 failures in a row', async () => {
  const arrived = Promise.withResolvers<void>();
  await using broken = await openOddGraph(({ headers }, response) => {
    if (headers.range) response.destroy();
    else {
      response.writeHead(200, { etag: '"v1"', 'content-length': 50 });
      response.write('begun');
      void arrived.promise.then(() => response.destroy());
    }
  });
  await using failing = await openOddGraph(({ method }, response, { origin }) => {
    if (method === 'POST')
      response.end(JSON.stringify({ uploadUrl: `${origin}/up`, expirationDateTime: '2999-01-01' }));
    else response.writeHead(500).end();
  });
  const file = join(folder, 'file');
  writeFileSync(file, 'hello');
  const onProgress = ({ done }: TransferProgress): void => {
    if (done > 0) arrived.resolve();
  };
  const [[downloadError, downloadWaits], [uploadError, uploadWaits]] = await Promise.all([
    givesUp((client) => client.download('/file', join(folder, 'copy'), { onProgress }), broken.origin),
    givesUp((client) => client.upload('/me/drive/root:/file', file), failing.origin),
  ]);
  assert.instance(downloadError, GraphClientError);
  assert.is((downloadError as GraphClientError).code, 'CONNECTION');
  assert.match((downloadError as GraphClientError).message, /^the connection to 127\.0\.0\.1:\d+ broke after 5 bytes$/);
  assertGrowing(downloadWaits, 'The connection broke');
  assert.instance(uploadError, GraphClientError);
  assert.is((uploadError as GraphClientError).code, 'INCOMPLETE');
  assert.match(
    (uploadError as GraphClientError).message,
    /^the upload to 127\.0\.0\.1:\d+ gave up: Graph failed \(HTTP 500\), 5 times in a row$/,
  );
  assertGrowing(uploadWaits, 'Graph failed (HTTP 500)');
});

test.run();
