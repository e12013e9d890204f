import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runIn } from 'testing-authority/project';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { contractSample, projectWith, readme, root, storeSample } from './project.ts';

test('the sample comes early, and is the store that the other tests use', () => {
  assert.ok(readme.split('\n').slice(0, 30).join('\n').includes(storeSample), 'the sample ends too late');
  const tested = readFileSync(join(root, 'test/memory-store.ts'), 'utf8').replace('../src/index.ts', 'token-store-kit');
  // The formatter breaks lines that the page has in one.
  const withoutLayout = (code: string): string => code.replace(/\s+/g, '').replaceAll(',}', '}');
  assert.is(withoutLayout(storeSample), withoutLayout(tested));
});

test('a store passes the first part of the contract, in as many cases as the sample says', async () => {
  const { stdout, status } = await runIn(
    projectWith({ 'memory-store.ts': storeSample, 'contract.test.ts': contractSample }),
    'contract.test.ts',
  );
  assert.is(status, 0, stdout);
  assert.match(stdout, /\/\/ (ℹ pass \d+)/.exec(contractSample)?.[1] ?? 'none');
});

test('the table of errors has every code and reason, and no other', () => {
  const source = readFileSync(join(root, 'src/token-store-error.ts'), 'utf8');
  const union = (type: string): string[] => {
    const [, members = ''] = new RegExp(`export type ${type} =(.+?)\\n\\n`, 's').exec(source) ?? [];
    return [...members.matchAll(/\| '(.+?)'/g)].map(([, member = '']) => member).sort();
  };
  const codes = union('TokenStoreErrorCode');
  const reasons = union('TokenStoreErrorReason');
  assert.ok(codes.length > 5 && reasons.length > 20);
  const rows = readme
    .slice(readme.indexOf('## Errors'), readme.indexOf('## Security'))
    .matchAll(/^\| `(.+?)` \| (.*?) \|/gm);
  const table = [...rows].map(([, code = '', cell = '']) => ({ code, cell }));
  assert.equal([...new Set(table.map(({ code }) => code))].sort(), codes);
  const told = table.flatMap(({ cell }) => [...cell.matchAll(/`(.+?)`/g)].map(([, reason = '']) => reason));
  assert.equal([...new Set(told)].sort(), reasons);
});

for (const entry of ['token-store-kit', 'token-store-kit/contract']) {
  test(`${entry} loads no database, no test library and no cryptography`, async () => {
    const directory = projectWith({
      'loads.ts': `
        const before = new Set(process.moduleLoadList);
        await import('${entry}');
        console.log(JSON.stringify(process.moduleLoadList.filter((name) => !before.has(name))));`,
    });
    const { stdout, stderr } = await runIn(directory, 'loads.ts');
    const loaded = JSON.parse(stdout || stderr) as string[];
    assert.equal(
      ['crypto', 'sqlite', 'test'].filter((name) => loaded.includes(`NativeModule ${name}`)),
      [],
    );
  });
}

test.run();
