import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { newProject, runIn } from 'testing-authority/project';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const [, sample = ''] = /^```ts\n([\s\S]*?)^```/m.exec(readme) ?? [];

(process.platform === 'win32' ? test.skip : test)("the sample stores a record in the tool's own file", async () => {
  assert.ok(readme.split('\n').slice(0, 32).join('\n').includes(sample), 'the sample ends too late');
  const home = newProject(root, [], { 'sample.ts': sample });
  mkdirSync(join(home, '.my-tool'));
  const file = join(home, '.my-tool/auth.json');
  // Not every provider says when a token ends.
  writeFileSync(file, '{ "theme": "dark", "token": "t", "refresh": "r" }');
  const { stdout, stderr } = await runIn(home, 'sample.ts', { HOME: home });
  const [, promised = 'none'] = /console\.log\(.*\); \/\/ (.*)\n/.exec(sample) ?? [];
  assert.is(stdout.replace(/\s+/g, ' ').trim(), promised, stderr);
  const stored = { theme: 'dark', token: 'a', refresh: 'first', ends: 1_767_139_200 };
  assert.is(readFileSync(file, 'utf8'), JSON.stringify(stored, null, 2));
});

test('the table of errors has every code and reason that the sources give', () => {
  const sources = globSync(['src/**/*.ts', '../token-store-kit/src/{caller-queue,files/*}.ts'], { cwd: root });
  const given = sources.flatMap((file) => [
    ...readFileSync(join(root, file), 'utf8').matchAll(/'(STORE_[A-Z]+)',\s*(?:'([^']+)')?|because\('([^']+)'/g),
  ]);
  const names = new Set(given.flatMap(([, ...groups]) => groups.filter((group) => group !== undefined)));
  assert.ok(names.size > 12, [...names].join());
  const table = readme.slice(readme.indexOf('## Errors'), readme.indexOf('## Security'));
  assert.equal(
    [...names].filter((name) => !table.includes(`\`${name}\``)),
    [],
  );
});

test.run();
