// Takes about 4 s.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { parseAllDocuments } from 'yaml';
import { tablesOf } from '../src/tables/names.ts';
import { tableStatements } from '../src/tables/table-statements.ts';
import { compile, newProject, run, samplesOf } from './project.ts';
import { startScene } from './scene.ts';
import { StrictProvider } from './strict-provider.ts';

const { scene, test } = await startScene();

const readmePage = 'packages/token-store-postgres/README.md';
const fleetPage = 'docs/fleet.md';
const [readmeSample = ''] = samplesOf(readmePage, 'ts');
const fleetSamples = samplesOf(fleetPage, 'ts');

test('the sample of the README refreshes once for many processes, and reads the token ever after', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  assert.ok(readme.split('\n').slice(0, 36).join('\n').includes(readmeSample), 'the sample ends too late');
  await using provider = await StrictProvider.start();
  const store = await scene.open({ schema: 'public', key: 'passphrase' });
  const folder = newProject({ 'sample.ts': readmeSample });
  const env = { TOKEN_ENDPOINT: provider.url, DATABASE_URL: scene.cluster.connectionString(), TOKEN_KEY: 'passphrase' };
  assert.match((await run(folder, 'sample.ts', env)).stderr, 'SIGN_IN_REQUIRED');
  await store.set('ada@example.org', { refreshToken: provider.signIn() });
  const outcomes = await Promise.all(Array.from({ length: 3 }, () => run(folder, 'sample.ts', env)));
  for (const outcome of outcomes) assert.equal(outcome, { stdout: 'access-token-2\n', stderr: '', code: 0 });
  assert.equal(provider.events, ['sign-in', 'refresh']);
});

/** Where the package `kubernetes-types` has the type of each kind. */
const kubernetesTypes: Record<string, string> = {
  Secret: 'core/v1',
  ConfigMap: 'core/v1',
  Service: 'core/v1',
  Deployment: 'apps/v1',
};

function kubernetesProgram(yaml: string): string {
  const objects = parseAllDocuments(yaml).map((document) => {
    assert.equal(document.errors, []);
    return document.toJS() as { kind: string; apiVersion: string };
  });
  return objects
    .map((object, index) => {
      const path = kubernetesTypes[object.kind];
      assert.is(object.apiVersion, path?.replace('core/', ''), `${object.kind} has another apiVersion`);
      const type = `import('kubernetes-types/${path}.js').${object.kind}`;
      return `export const object${index}: ${type} = ${JSON.stringify(object, null, 2)};\n`;
    })
    .join('');
}

const [fleetYaml = ''] = samplesOf(fleetPage, 'yaml');

/** What the compiler says of the samples, and of some mistakes. One run for all: it takes two seconds of the processor. */
const complaints = (() => {
  let found: string | undefined;
  return (): string => {
    const samples = [readmeSample, ...fleetSamples].map((code, index) => [`sample${index}.ts`, code]);
    assert.is(samples.length, 3);
    found ??= compile(
      newProject({
        ...Object.fromEntries(samples),
        'objects.ts': kubernetesProgram(fleetYaml),
        'mistaken-sample.ts': readmeSample.replace('token.getToken', 'token.getTokens'),
        'mistaken-field.ts': kubernetesProgram(fleetYaml.replace('readinessProbe', 'readynessProbe')),
        'mistaken-type.ts': kubernetesProgram(fleetYaml.replace('replicas: 2', "replicas: '2'")),
      }),
    );
    return found;
  };
})();

const complaintsAbout = (file: string): string[] =>
  complaints()
    .split('\n')
    .filter((line) => line.includes(`/${file}`));

test('every TypeScript sample compiles, without the types of pg', () => {
  assert.equal(complaintsAbout('sample'), []);
  assert.match(complaintsAbout('mistaken-sample.ts').join(), /error TS2/);
});

test('docs/fleet.md: the YAML for Kubernetes has the fields and types that Kubernetes knows', () => {
  assert.equal(complaintsAbout('objects.ts'), []);
  // A field that does not exist, and one of a wrong type, are found.
  assert.match(complaintsAbout('mistaken-field.ts').join(), /error TS2/);
  assert.match(complaintsAbout('mistaken-type.ts').join(), /error TS2/);
  const others = complaints()
    .split('\n')
    .filter((line) => /^\S/.test(line) && !line.includes('/mistaken-'));
  assert.equal(others, []);
});

test('docs/fleet.md: the pods of the Deployment have what they refer to, and no more rights than they need', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the compiler has checked the shapes in the test before.
  const objects: any[] = parseAllDocuments(fleetYaml).map((document) => document.toJS());
  const secret = objects.find(({ kind }) => kind === 'Secret');
  const deployments = objects.filter(({ kind }) => kind === 'Deployment');
  assert.is(deployments.length, 2);
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
      for (const { name } of container.volumeMounts ?? []) {
        assert.ok(
          pod.volumes.some((volume: { name: string }) => volume.name === name),
          name,
        );
      }
    }
  }
  assert.match(objects.find(({ kind }) => kind === 'ConfigMap').data['pgbouncer.ini'], 'pool_mode = transaction');
});

test('docs/fleet.md: the tables are those that the store makes, and the store takes them as its own', async () => {
  const [grants = '', schema = '', holders = ''] = samplesOf(fleetPage, 'sql');
  for (const statement of tableStatements(tablesOf('public', { table: 'oauth_token' }))) {
    assert.ok(schema.includes(`${statement};\n`), statement);
  }
  const elsewhere = schema.replaceAll('"public".', 'by_hand.');
  await scene.cluster.query(`CREATE SCHEMA by_hand; ${elsewhere}`);
  const store = await scene.open({ schema: 'by_hand' });
  await store.exclusively('app', async () => {
    const line = await scene.cluster.query(`SET search_path = by_hand; ${holders}`);
    assert.match(line, new RegExp(`^app\\|process ${process.pid} on .*\\|0$`));
  });
  const [readmeGrants = ''] = samplesOf(readmePage, 'sql');
  assert.ok(grants.includes(readmeGrants), 'the README and docs/fleet.md grant different rights');
});

test('a wait of half a second is seen as such by the queries for operators', async () => {
  const store = await scene.open({ schema: 'by_hand' });
  const other = await scene.open({ schema: 'by_hand' });
  await store.exclusively('app', async () => {
    const waiting = other.exclusively('app', async () => {}, { timeout: 600 }).catch(() => {});
    await delay(300);
    assert.is(await scene.cluster.query('SELECT cardinality(waiting) FROM by_hand.oauth_token_lease'), '1');
    await waiting;
  });
});

test.run();
