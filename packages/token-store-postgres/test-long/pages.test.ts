import { spawn } from 'node:child_process';
import * as assert from 'uvu/assert';
import { newProject, run, samplesOf } from '../test/project.ts';
import { startScene } from '../test/scene.ts';
import { StrictProvider } from '../test/strict-provider.ts';

const { scene, test } = await startScene();

const fleetSamples = samplesOf('docs/fleet.md', 'ts');

test('docs/fleet.md: a function gets its token, and leaves no connection behind', async () => {
  await using provider = await StrictProvider.start();
  const key = Buffer.alloc(32, 7);
  const schema = 'serverless';
  const store = await scene.open({ schema, key });
  await store.set('ada@example.org', { refreshToken: provider.signIn() });
  await scene.cluster.query(
    'CREATE ROLE serverless SUPERUSER LOGIN; ALTER ROLE serverless SET search_path = serverless',
  );
  const folder = newProject({
    'sample.ts': `${fleetSamples[0]}console.log((await handler()).statusCode, (await token.getToken()).accessToken);\n`,
  });
  const { stdout, stderr } = await run(folder, 'sample.ts', {
    DATABASE_URL: scene.cluster.connectionString({ user: 'serverless' }),
    TOKEN_KEY_BASE64: key.toString('base64'),
    TOKEN_ENDPOINT: provider.url,
    API_URL: provider.url,
  });
  assert.equal([stdout, stderr], ['400 access-token-2\n', '']);
  assert.is(await scene.cluster.query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'serverless'"), '0');
});

test('docs/fleet.md: the metrics tell that someone is signed in, and until when', async () => {
  const store = await scene.open({ schema: 'metrics', key: 'passphrase' });
  await store.set('ada@example.org', { refreshToken: 'first', refreshExpiresAt: 1_900_000_000_000 });
  await scene.cluster.query('CREATE ROLE metrics SUPERUSER LOGIN; ALTER ROLE metrics SET search_path = metrics');
  const { port, pathname } = new URL(scene.cluster.connectionString());
  const folder = newProject({
    'sample.ts': `${fleetSamples[1]}server.once('listening', () => console.log((server.address() as { port: number }).port));\n`,
  });
  const env = {
    PGHOST: '127.0.0.1',
    PGPORT: port,
    PGUSER: 'metrics',
    PGDATABASE: pathname.slice(1),
    TOKEN_KEY: 'passphrase',
    METRICS_PORT: '0',
  };
  const child = spawn(process.execPath, ['sample.ts'], {
    cwd: folder,
    env: { ...process.env, ...env },
    timeout: 20_000,
  });
  const metricsPort = await new Promise<number>((resolve) =>
    child.stdout.once('data', (data) => resolve(Number(data))),
  );
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}`)).text();
  assert.is(metrics, 'oauth_token_signed_in 1\noauth_token_renew_by_seconds 1900000000\noauth_token_store_up 1\n');
  const ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  child.kill('SIGTERM');
  assert.is(await ended, 0);
});

test.run();
