// Takes about 10 s.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { runIn } from 'testing-authority/project';
import * as assert from 'uvu/assert';
import { parseAllDocuments } from 'yaml';
import { compile, projectWith, samplesOf } from '../test/project.ts';
import { startScene } from '../test/scene.ts';
import { StrictProvider } from '../test/strict-provider.ts';

const { scene, test } = await startScene();

const fleetPage = 'docs/fleet.md';
const [readmeSample = ''] = samplesOf('packages/token-store-postgres/README.md', 'ts');
const fleetSamples = samplesOf(fleetPage, 'ts');
const [fleetYaml = ''] = samplesOf(fleetPage, 'yaml');

test('the sample of the README refreshes once for many processes, and reads the token ever after', async () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  assert.ok(readme.split('\n').slice(0, 36).join('\n').includes(readmeSample), 'the sample ends too late');
  await using provider = await StrictProvider.start();
  const store = await scene.open({ schema: 'public', key: 'passphrase' });
  const folder = projectWith({ 'sample.ts': readmeSample });
  const env = { TOKEN_ENDPOINT: provider.url, DATABASE_URL: scene.cluster.connectionString(), TOKEN_KEY: 'passphrase' };
  assert.match((await runIn(folder, 'sample.ts', env)).stderr, 'SIGN_IN_REQUIRED');
  await store.set('ada@example.org', { refreshToken: provider.signIn() });
  const outcomes = await Promise.all(Array.from({ length: 3 }, () => runIn(folder, 'sample.ts', env)));
  for (const outcome of outcomes) assert.equal(outcome, { stdout: 'access-token-2\n', stderr: '', status: 0 });
  assert.equal(provider.events, ['sign-in', 'refresh']);
});

test('docs/fleet.md: the store of a function leaves no connection behind', async () => {
  const key = Buffer.alloc(32, 7);
  const store = await scene.open({ schema: 'serverless', key });
  await store.set('app', { refreshToken: 'first' });
  await scene.cluster.query(
    'CREATE ROLE serverless SUPERUSER LOGIN; ALTER ROLE serverless SET search_path = serverless',
  );
  const { port, pathname } = new URL(scene.cluster.connectionString());
  const folder = projectWith({
    'sample.ts': `${fleetSamples[0]}console.log((await store.get('app'))?.refreshToken);\n`,
  });
  const { stdout, stderr } = await runIn(folder, 'sample.ts', {
    PGHOST: '127.0.0.1',
    PGPORT: port,
    PGUSER: 'serverless',
    PGDATABASE: pathname.slice(1),
    TOKEN_KEY_BASE64: key.toString('base64'),
  });
  assert.equal([stdout, stderr], ['first\n', '']);
  assert.is(await scene.cluster.query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'serverless'"), '0');
});

test('docs/fleet.md: the log of a host says in lines of JSON what happened, without a secret', async () => {
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.set('ada@example.org', { refreshToken: 'secret-first' });
  const program = `import { SharedToken } from 'shared-token';
    import { openPostgresTokenStore } from 'token-store-postgres';
    import { logEvents } from './events.ts';
    const refresh = async ({ refreshToken }) => {
      if (refreshToken === 'secret-second') throw new Error(refreshToken);
      return { access_token: 'secret-access', refresh_token: 'secret-second', expires_in: 3600 };
    };
    await using store = await openPostgresTokenStore(${JSON.stringify({ connectionString: scene.cluster.connectionString(), schema })});
    const name = 'ada@example.org';
    const open = () => new SharedToken({ store, name, refresh, onEvent: logEvents(name) });
    await using first = open();
    await first.getToken();
    await using second = open();
    await second.getToken();
    await second.getToken({ forceRefresh: true }).catch(() => {});`;
  const folder = projectWith({ 'events.ts': fleetSamples[1] ?? '', 'sample.js': program });
  const begun = Date.now();
  const { stdout, stderr } = await runIn(folder, 'sample.js');
  assert.is(stderr, '');
  assert.not.match(stdout, 'secret-');
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const { at, host, process: pid, name } of lines) {
    assert.ok(Date.parse(at) >= begun && Number.isInteger(pid), at);
    assert.equal([host, name], [hostname(), 'ada@example.org']);
  }
  const types = ['refresh-started', 'refreshed', 'stored-token', 'refresh-started', 'refresh-failed'];
  assert.equal(
    lines.map(({ type }) => type),
    types,
  );
  assert.equal([lines[1].rotated, lines[4].error], [true, { name: 'Error', message: '…' }]);
});

/** Where the package `kubernetes-types` has the type of each kind. */
const kubernetesTypes: Record<string, string> = {
  Secret: 'core/v1',
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

/** What the compiler says of the samples, and of some mistakes. One run for all: it takes two seconds of the processor. */
const complaints = (() => {
  let found: string | undefined;
  return (): string => {
    const samples = [readmeSample, ...fleetSamples].map((code, index) => [`sample${index}.ts`, code]);
    assert.is(samples.length, 3);
    found ??= compile(
      projectWith({
        ...Object.fromEntries(samples),
        'pg.d.ts': "declare module 'pg';\n",
        'objects.ts': kubernetesProgram(fleetYaml),
        'mistaken-sample.ts': readmeSample.replace('token.getToken', 'token.getTokens'),
        'mistaken-field.ts': kubernetesProgram(fleetYaml.replace('securityContext', 'securtyContext')),
        'mistaken-type.ts': kubernetesProgram(fleetYaml.replace('replicas: 3', "replicas: '3'")),
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

test.run();
