// test-long/pages.test.ts compiles and runs the samples.
import { signInLockName } from 'token-store-kit';
import * as assert from 'uvu/assert';
import { parseAllDocuments } from 'yaml';
import { inspectPostgresTokenStore } from '../src/index.ts';
import { newProject, run, samplesOf } from './project.ts';
import { startScene } from './scene.ts';

const { scene, test } = await startScene();

const fleetPage = 'docs/fleet.md';
const [fleetYaml = ''] = samplesOf(fleetPage, 'yaml');

test('docs/fleet.md: the pods of the Deployment have what they refer to, and no more rights than they need', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the compiler checks the shapes in test-long/pages.test.ts.
  const objects: any[] = parseAllDocuments(fleetYaml).map((document) => document.toJS());
  const secret = objects.find(({ kind }) => kind === 'Secret');
  const deployments = objects.filter(({ kind }) => kind === 'Deployment');
  assert.is(deployments.length, 1);
  for (const { spec } of deployments) {
    assert.equal(spec.selector.matchLabels, spec.template.metadata.labels);
    const { spec: pod } = spec.template;
    assert.is(pod.securityContext.runAsNonRoot, true);
    assert.is(pod.automountServiceAccountToken, false);
    for (const container of pod.containers) {
      assert.is(container.securityContext.allowPrivilegeEscalation, false);
      assert.is(container.securityContext.readOnlyRootFilesystem, true);
      for (const { valueFrom, name } of container.env ?? []) {
        if (valueFrom) assert.ok(valueFrom.secretKeyRef.key in secret.stringData, name);
        else assert.not.match(name, /PASSWORD|KEY/);
      }
    }
  }
});

test('docs/fleet.md: the statement that shows the locks does so', async () => {
  const holders = samplesOf(fleetPage, 'sql').find((sample) => sample.includes('holder')) ?? '';
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.exclusively('app', async () => {
    const line = await scene.cluster.query(`SET search_path = ${schema}; ${holders}`);
    assert.match(line, new RegExp(`^app\\|process ${process.pid} on .*\\|f$`));
  });
});

test('docs/fleet.md: the command makes the tables, and then the GRANTs are enough for a host', async () => {
  const [command = ''] = samplesOf(fleetPage, 'sh').filter((sample) => sample.includes('node -e'));
  const [, program = ''] = /node -e "(.*)"/.exec(command) ?? [];
  const [grants = ''] = samplesOf(fleetPage, 'sql');
  const { port } = new URL(scene.cluster.connectionString());
  const env = { PGHOST: '127.0.0.1', PGPORT: port, PGUSER: 'postgres', PGDATABASE: 'postgres' };
  await scene.cluster.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  assert.equal(await run(newProject({ 'make.js': program }), 'make.js', env), { stdout: '', stderr: '', code: 0 });
  await scene.cluster.query(grants);
  const connectionString = scene.cluster.connectionString({ user: 'app' });
  const store = await scene.open({ schema: 'public', connectionString, key: 'passphrase' });
  const record = { refreshToken: 'first' };
  await store.exclusively('app', () => store.set('app', record));
  assert.equal(await store.get('app'), record);
  assert.equal((await inspectPostgresTokenStore({ connectionString })).missingRights, []);
});

test('docs/fleet.md: the statement for a person who leaves deletes the name, and no lock that is held', async () => {
  const [statement = ''] = samplesOf(fleetPage, 'sql').filter((sample) => sample.includes('DELETE FROM'));
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  const forget = (): Promise<string> => scene.cluster.query(`SET search_path = ${schema}; ${statement}`);
  const names = (): Promise<string> => scene.cluster.query(`SELECT name FROM ${schema}.oauth_token_lease`);
  const name = 'ada@example.org';
  await store.exclusively(signInLockName(name), async () => {
    await store.exclusively(name, async () => {});
    await forget();
    assert.is(await names(), signInLockName(name));
  });
  await forget();
  assert.is(await names(), '');
});

test.run();
