import { runIn } from 'testing-authority/project';
// test-long/pages.test.ts compiles and runs the samples.
import { signInLockName } from 'token-store-kit';
import { ensureWritable, moveRecord } from 'token-store-kit/administration';
import * as assert from 'uvu/assert';
import { parseAllDocuments } from 'yaml';
import { inspectPostgresTokenStore, type PostgresTokenStore, type PostgresTokenStoreOptions } from '../src/index.ts';
import { errorOf } from './attempt.ts';
import { until } from './lock-watch.ts';
import { projectWith, samplesOf } from './project.ts';
import { startScene } from './scene.ts';

const { scene, test } = await startScene({});

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
  assert.equal(await runIn(projectWith({ 'make.js': program }), 'make.js', env), { stdout: '', stderr: '', status: 0 });
  await scene.cluster.query(grants);
  const connectionString = scene.cluster.connectionString({ user: 'app' });
  const store = await scene.open({ schema: 'public', connectionString, key: new Uint8Array(32) });
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
  const names = (): Promise<string> =>
    scene.cluster.query(`SELECT name FROM ${schema}.oauth_token UNION SELECT name FROM ${schema}.oauth_token_lease`);
  const name = 'ada@example.org';
  const other = await scene.open({ schema: scene.newSchema() });
  await ensureWritable(store, name);
  await store.set(name, { refreshToken: 'first' });
  await moveRecord({ source: store, target: other, name });
  await moveRecord({ source: other, target: store, name });
  await store.exclusively(signInLockName(name), async () => {
    await store.exclusively(name, async () => {});
    await forget();
    assert.is(await names(), `${name}\n${signInLockName(name)}`);
    await store.delete(name);
    await forget();
    assert.is(await names(), signInLockName(name));
  });
  await forget();
  assert.is(await names(), '');
});

/** A schema of the role `owner` with our tables, which the role `app` may use. */
async function newSchemaOfOwner(): Promise<string> {
  const schema = scene.newSchema();
  const [grants = ''] = samplesOf(fleetPage, 'sql');
  await makeRoles('owner', 'app');
  await scene.cluster.query(`CREATE SCHEMA ${schema} AUTHORIZATION owner`);
  await openAs('owner', { schema });
  await scene.cluster.query(grants.replace(/^CREATE ROLE.*/, '').replaceAll('public', schema));
  return schema;
}

async function makeRoles(...names: string[]): Promise<void> {
  for (const name of names) {
    const count = await scene.cluster.query(`SELECT count(*) FROM pg_roles WHERE rolname = '${name}'`);
    if (count === '0') await scene.cluster.query(`CREATE ROLE ${name} LOGIN`);
  }
}

function openAs(user: string, options: PostgresTokenStoreOptions): Promise<PostgresTokenStore> {
  return scene.open({ ...options, connectionString: scene.cluster.connectionString({ user }) });
}

const denied = ['STORE_READONLY', 'no-permission'];

test('docs/fleet.md: with row-level security, a role works with the names that begin with its own, and no other', async () => {
  const schema = await newSchemaOfOwner();
  const policies = samplesOf(fleetPage, 'sql').find((sample) => sample.includes('CREATE POLICY')) ?? '';
  await scene.cluster.query(`SET search_path = ${schema}; ${policies}`);
  const options = { schema, key: new Uint8Array(32) };
  const [owner, ada, billing] = [
    await openAs('owner', options),
    await openAs('ada', options),
    await openAs('billing', options),
  ];
  const record = { refreshToken: 'first' };
  const { code, reason } = await errorOf(ada.set('ada', record));
  assert.equal([code, reason], denied, 'only the owner puts a key in use');
  await owner.rekey(options.key);

  for (const [store, names] of [
    [ada, ['ada']],
    [billing, ['billing', 'billing/mail']],
  ] as const) {
    for (const name of names) {
      await ensureWritable(store, name);
      await store.exclusively(signInLockName(name), () => store.exclusively(name, () => store.set(name, record)));
      assert.ok(await store.exclusively(name, () => store.replace(name, 'first', { refreshToken: 'second' })));
      assert.ok(await store.replace(name, 'second', record));
      assert.equal(await store.get(name), record);
    }
    assert.equal(await store.list(), names);
  }
  assert.equal(await owner.list(), ['ada', 'billing', 'billing/mail']);

  for (const name of ['billing', 'billing/mail', 'ada2', 'other/ada']) {
    assert.is(await ada.get(name), undefined);
    assert.is(await ada.delete(name), false);
    assert.is(await ada.replace(name, 'first', { refreshToken: 'stolen' }), false);
    for (const call of [
      () => ada.set(name, record),
      () => ada.replace(name, undefined, record),
      () => ada.exclusively(name, async () => 'ran'),
      () => ada.exclusively(signInLockName(name), async () => 'ran'),
    ]) {
      const error = await errorOf(call());
      assert.equal([error.code, error.reason], denied, `${name}: ${error.message}`);
      assert.match(error.remedy ?? '', 'with row-level security, use a name that its policy allows');
    }
  }
  await billing.exclusively('billing', async () => {
    const locksOf = async (user: string) =>
      (await inspectPostgresTokenStore({ schema, connectionString: scene.cluster.connectionString({ user }) })).locks;
    assert.equal(
      (await locksOf('owner')).map(({ name }) => name),
      ['billing'],
    );
    assert.equal(await locksOf('ada'), []);
  });

  const refused = await errorOf(ada.rekey(undefined));
  assert.equal([refused.code, refused.reason], denied);
  const newKey = new Uint8Array(32).fill(1);
  await owner.rekey(newKey);
  for (const [user, name] of [
    ['ada', 'ada'],
    ['billing', 'billing/mail'],
  ] as const)
    assert.equal(await (await openAs(user, { schema, key: newKey })).get(name), record);
});

test("docs/fleet.md: the server's log says which role changed which sign-in, and has no token", async () => {
  const schema = await newSchemaOfOwner();
  const trigger = samplesOf(fleetPage, 'sql').find((sample) => sample.includes('CREATE TRIGGER')) ?? '';
  await scene.cluster.query(`SET search_path = ${schema}; ${trigger}`);
  const store = await openAs('app', { schema });
  await store.set('ada@example.org', { refreshToken: 'secret-first' });
  await store.replace('ada@example.org', 'secret-first', { refreshToken: 'secret-second' });
  await store.delete('ada@example.org');
  const line = (change: string): string => `LOG:  sign-in ada@example.org: ${change} by app from 127.0.0.1`;
  for (const change of ['INSERT', 'UPDATE', 'SIGN-OUT']) {
    await until(line(change), async () => scene.cluster.log.includes(line(change)));
  }
  assert.not.match(scene.cluster.log, 'secret-');
});

test.run();
