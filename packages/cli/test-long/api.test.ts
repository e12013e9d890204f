import { writeFileSync } from 'node:fs';
import { openSignedInScene } from 'testing-command';
import { noTerminal, openTerminal, sit } from 'testing-command/terminal';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
always.after(() => scene[Symbol.asyncDispose]());
always.after.each(() => authority.clearFaults());

if (!openTerminal) console.log(noTerminal);
const testInTerminal = openTerminal ? always : always.skip;

testInTerminal('a terminal shows how far an upload is, why it waits, and then again how far it is', async () => {
  const file = `${home.folder}/big.img`;
  // A whole piece, half of one, and the answers slow enough to be seen.
  writeFileSync(file, Buffer.alloc(15 * 1024 * 1024));
  for (const fault of [
    { type: 'slow', ms: 300 },
    { type: 'status', status: 429, retryAfter: '1' },
    { type: 'slow', ms: 600 },
  ] as const)
    authority.fail('content', fault);
  using terminal = sit(home, ['api', '/me/drive/root:/big.img', '--upload', file]);
  await terminal.shows(/Uploading 0 B of 15\.0 MiB \(0 %\)/);
  await terminal.shows(/Graph is busy \(HTTP 429\); next attempt in 1 s/);
  await terminal.shows(/next attempt in[\s\S]*Uploading 10\.0 MiB of 15\.0 MiB \(66 %\)/);
  await terminal.shows(/"name":\s*"big\.img"/);
  assert.is((await terminal.ended).status, 0);
});

always.run();
