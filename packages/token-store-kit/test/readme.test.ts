import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const [storeSample = '', contractSample = ''] = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(
  ([, code]) => code,
);

const directories: string[] = [];
test.after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true });
});

/** A project that has installed the package as it is built. */
function newProject(files: Record<string, string>): string {
  assert.ok(existsSync(join(root, 'dist/index.js')), 'build the package first: turbo run build');
  const directory = mkdtempSync(join(tmpdir(), 'token-store-kit-'));
  directories.push(directory);
  mkdirSync(join(directory, 'node_modules'));
  linkFolder(root, join(directory, 'node_modules/token-store-kit'));
  linkFolder(dirname(dirname(require.resolve('@types/node/package.json'))), join(directory, 'node_modules/@types'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

/** Or copies it, because wine makes no junctions. */
function linkFolder(target: string, path: string): void {
  try {
    symlinkSync(target, path, 'junction');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTSUP') throw error;
    cpSync(target, path, { recursive: true });
  }
}

function node(directory: string, ...args: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, args, { cwd: directory, encoding: 'utf8', timeout: 30_000 });
}

test('the sample comes early, and is the store that the other tests use', () => {
  assert.ok(readme.split('\n').slice(0, 30).join('\n').includes(storeSample), 'the sample ends too late');
  const tested = readFileSync(join(root, 'test/memory-store.ts'), 'utf8').replace('../src/index.ts', 'token-store-kit');
  // The formatter breaks lines that the page has in one.
  const withoutLayout = (code: string): string => code.replace(/\s+/g, '').replaceAll(',}', '}');
  assert.is(withoutLayout(storeSample), withoutLayout(tested));
});

test('the samples compile', () => {
  const directory = newProject({
    'memory-store.ts': storeSample,
    'contract.test.ts': contractSample,
    'tsconfig.json': JSON.stringify({
      extends: join(root, '../../tsconfig.base.json'),
      compilerOptions: { noEmit: true },
      include: ['*.ts'],
    }),
  });
  const { stdout, status } = node(
    directory,
    join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'),
    '-p',
    '.',
  );
  assert.is(status, 0, stdout);
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
