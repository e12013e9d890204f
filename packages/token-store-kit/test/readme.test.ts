import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { contractSample, newProject, node, readme, root, storeSample } from './project.ts';

test('the sample comes early, and is the store that the other tests use', () => {
  assert.ok(readme.split('\n').slice(0, 30).join('\n').includes(storeSample), 'the sample ends too late');
  const tested = readFileSync(join(root, 'test/memory-store.ts'), 'utf8').replace('../src/index.ts', 'token-store-kit');
  // The formatter breaks lines that the page has in one.
  const withoutLayout = (code: string): string => code.replace(/\s+/g, '').replaceAll(',}', '}');
  assert.is(withoutLayout(storeSample), withoutLayout(tested));
});

test('the store of the sample passes the suite, in as many cases as the sample says', () => {
  const directory = newProject({ 'memory-store.ts': storeSample, 'contract.test.ts': contractSample });
  const { stdout, status } = node(directory, 'contract.test.ts');
  assert.is(status, 0, stdout);
  const [, told = 'none'] = /\/\/ (ℹ pass \d+)/.exec(contractSample) ?? [];
  assert.match(stdout, told);
});

test('the table of errors has every reason that the doc comment explains', () => {
  const source = readFileSync(join(root, 'src/token-store-error.ts'), 'utf8');
  const explained = [...source.matchAll(/^ +\* - `([\w-]+)`:/gm)].map(([, reason]) => reason);
  assert.ok(explained.length > 10, explained.join());
  const table = readme.slice(readme.indexOf('## Errors'), readme.indexOf('## Security'));
  const told = [...table.matchAll(/`([a-z]+(?:-[a-z]+)*)`/g)].map(([, reason]) => reason);
  const known = new Set(['path', 'pid', 'holder', 'cause', 'code', 'reason']);
  assert.equal([...new Set(told)].filter((word) => word && !known.has(word)).sort(), [...new Set(explained)].sort());
});

for (const [entry, loads] of [
  ['token-store-kit', '/dist/index.js'],
  ['token-store-kit/contract', '/dist/contract.js'],
] as const) {
  test(`${entry} is one file, which loads no database, no test library and no cryptography`, () => {
    const directory = newProject({
      'loads.ts': `
        import { registerHooks } from 'node:module';
        const files: string[] = [];
        const before = new Set(process.moduleLoadList);
        registerHooks({ load(url, context, next) { files.push(url); return next(url, context); } });
        await import('${entry}');
        const builtins = process.moduleLoadList.filter((name) => !before.has(name));
        console.log(JSON.stringify({ files, builtins }));`,
    });
    const { stdout, stderr } = node(directory, 'loads.ts');
    const { files, builtins } = JSON.parse(stdout || stderr) as { files: string[]; builtins: string[] };
    const own = files.filter((url) => !url.startsWith('node:'));
    assert.equal(
      own.map((url) => url.slice(url.lastIndexOf('/dist/'))),
      [loads],
    );
    const heavy = ['crypto', 'sqlite', 'test'];
    assert.equal(
      heavy.filter((name) => builtins.includes(`NativeModule ${name}`)),
      [],
    );
  });
}

test.run();
