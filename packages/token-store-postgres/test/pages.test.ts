// test-long/pages.test.ts compiles and runs the samples.
import * as assert from 'uvu/assert';
import { parseAllDocuments } from 'yaml';
import { samplesOf } from './project.ts';
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
  const [, holders = ''] = samplesOf(fleetPage, 'sql');
  const schema = scene.newSchema();
  const store = await scene.open({ schema });
  await store.exclusively('app', async () => {
    const line = await scene.cluster.query(`SET search_path = ${schema}; ${holders}`);
    assert.match(line, new RegExp(`^app\\|process ${process.pid} on .*\\|f$`));
  });
});

test.run();
