// Takes about 4 s.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { markdownFiles, type Sample } from '../src/markdown-file.ts';
import { readText, root } from '../src/repository.ts';

/** The code that a sample needs around it, by the first line of the sample. */
const surroundings = new Map([
  [
    'const crypto = new CryptoProvider();',
    `import { CryptoProvider, type PublicClientApplication } from '@azure/msal-node';
    import { openAcceptor } from 'loopback-acceptor';
    declare const app: PublicClientApplication;
    declare const scopes: string[];
    declare function openBrowser(url: string): void;`,
  ],
  [
    "import { createInterface } from 'node:readline/promises';",
    `import type { OneDriveTokenHandler } from 'onedrive-token-handler';
    declare const handler: OneDriveTokenHandler;`,
  ],
  ["import { signInAs, startAuthority } from 'testing-authority';", 'declare const authorizationUrl: string;'],
]);
/** The module of the reader that a sample imports, taken from the tests of the package. */
const ownModules = {
  'memory-store.ts': readText('packages/token-store-kit/test/memory-store.ts').replace(
    '../src/index.ts',
    'token-store-kit',
  ),
};

const typescript = markdownFiles
  .flatMap((file) => file.samples)
  .filter(({ language }) => language === 'ts' || language === 'js');

const settings = [
  { exactOptionalPropertyTypes: true },
  { exactOptionalPropertyTypes: false },
  // A program for Node has no types of a browser: there, the JSON of a response is `unknown`.
  { lib: ['es2024', 'esnext.disposable'] },
];
for (const options of settings) {
  const setting = JSON.stringify(options);
  test(`every TypeScript sample compiles with the built packages, and one that does not is found: ${setting}`, () =>
    assertCompiles(options));
}

/** `options`: in which readers' projects differ. */
function assertCompiles(options: object): void {
  assert.ok(typescript.length >= 9, `only ${typescript.length} samples`);
  const place = 'nowhere.md:1';
  const code = "import { createState } from 'pkce-state';\nconst state: number = createState();";
  const { status, output } = compile([...typescript, { place, heading: '', language: 'ts', code }], options);
  const [first = '', ...others] = output.split(/\n(?! )/).filter((line) => line !== '');
  assert.match(first, /nowhere\.md_1\.ts\(2,7\): error TS2322/, output);
  assert.equal(others, [], output);
  assert.is(status, 1, output);
}

/** Compiles each sample as a module with its place as its name, in a project that has the packages. */
function compile(modules: readonly Sample[], options: object): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'samples-'));
  try {
    symlinkSync(join(root, 'testing/docs/node_modules'), join(folder, 'node_modules'), 'junction');
    const files: Record<string, string> = {
      ...ownModules,
      'package.json': '{ "type": "module" }',
      'tsconfig.json': JSON.stringify({
        extends: join(root, 'tsconfig.base.json'),
        // A sample may show something without using it. The types of the Graph SDK need those of a browser.
        // testing/release checks the declarations of the packages themselves.
        compilerOptions: {
          noEmit: true,
          noUnusedLocals: false,
          skipLibCheck: true,
          lib: ['es2024', 'esnext.disposable', 'dom'],
          ...options,
        },
        include: ['*.ts'],
      }),
    };
    for (const { place, language, code } of modules) {
      const before = surroundings.get(code.split('\n', 1)[0] ?? '')?.replaceAll('\n', ' ');
      // On the first line of the sample, so that errors have the line numbers of the sample.
      files[`${place.replace(/[/:]/g, '_')}.${language}`] = `${before ? `${before} ` : ''}${code}\nexport {};\n`;
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    // The compiler of the repository. That of this package is an older one, for typedoc.
    const compiler = createRequire(join(root, 'package.json')).resolve('typescript/package.json');
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [join(compiler, '../bin/tsc'), '-p', folder, '--pretty', 'false', '--singleThreaded'],
      {
        encoding: 'utf8',
        timeout: 50_000,
      },
    );
    return { status, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.run();
