import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const [, sample = ''] = /^```ts\n([\s\S]*?)^```/m.exec(readme) ?? [];

(process.platform === 'win32' ? test.skip : test)("the sample stores a record in the tool's own file", () => {
  assert.ok(existsSync(join(root, 'dist/index.js')), 'build the package first: turbo run build');
  assert.ok(readme.split('\n').slice(0, 32).join('\n').includes(sample), 'the sample ends too late');
  const home = temporaryDirectory();
  for (const folder of ['node_modules', '.my-tool']) mkdirSync(join(home, folder));
  symlinkSync(root, join(home, 'node_modules/token-store-file'), 'junction');
  writeFileSync(join(home, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(home, 'sample.ts'), sample);
  const file = join(home, '.my-tool/auth.json');
  // Not every provider says when a token ends.
  writeFileSync(file, '{ "theme": "dark", "token": "t", "refresh": "r" }');
  const env = { ...process.env, HOME: home };
  const { stdout, stderr } = spawnSync(process.execPath, ['sample.ts'], {
    cwd: home,
    env,
    encoding: 'utf8',
    timeout: 20_000,
  });
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
