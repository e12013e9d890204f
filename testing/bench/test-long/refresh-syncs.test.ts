import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { run, Scene } from './scene.ts';

/** Two durable writes, each of which syncs the journal twice, the file once, and their folder when the journal is made and when it is gone. */
const mostSyncs = 10;

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
if (!canTrace) console.log('skipped: counting syncs needs strace (Debian: apt install strace)');

(canTrace ? test : test.skip)(`a process that refreshes syncs at most ${mostSyncs} times`, async () => {
  await using scene = await Scene.open();
  scene.expire();
  const { authority, folder } = scene;
  const trace = join(folder, 'trace');
  const program = `
    import { OneDriveTokenHandler } from 'onedrive-token-handler';
    await using handler = new OneDriveTokenHandler(JSON.parse(process.argv[1]));
    console.log(await handler.getToken());
  `;
  const options = { ...scene.options, interactive: false };
  const strace = ['strace', '-f', '-y', '--seccomp-bpf', '-o', trace, '-e', 'trace=fsync,fdatasync'];
  const node = [process.execPath, '--input-type=module', '-e', program, '--', JSON.stringify(options)];
  const [token] = await run([...strace, ...node]);
  assert.ok(authority.issuedSecrets.has(token.trim()));
  assert.is(authority.count('token', 'refresh_token'), 1);
  const synced = [...readFileSync(trace, 'utf8').matchAll(/f(?:data)?sync\(\d+<([^>]+)>/g)].map(([, file = '']) =>
    file.replace(folder, ''),
  );
  console.log(`measured: ${synced.length} syncs`);
  assert.ok(synced.length <= mostSyncs, `${synced.length} syncs:\n${synced.join('\n')}`);
  const write = ['/tokens.db-journal', '', '/tokens.db-journal', '/tokens.db', ''];
  assert.equal(synced, [...write, ...write], 'the folder is synced before the file is changed');
});

test.run();
