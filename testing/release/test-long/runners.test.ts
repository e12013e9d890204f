// Takes about 35 s.
// Needs npm's registry.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { signInAs, startAuthority } from 'testing-authority';
import { dueToday } from 'testing-authority/due-today';
import { test } from 'uvu';
import { packAll } from '../src/packed-package.ts';
import { printed, readProgram } from '../src/programs.ts';
import { plainEnvironment, run } from '../src/run.ts';

const folder = mkdtempSync(join(tmpdir(), 'runners-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const authority = await startAuthority();
/** Signs in at the address that it is sent. */
const helper = createServer(async (request, response) => {
  void signInAs(await text(request));
  response.end();
});
await new Promise<void>((done) => helper.listen(0, '127.0.0.1', done));
const helperUrl = `http://127.0.0.1:${(helper.address() as AddressInfo).port}`;
test.after(async () => {
  helper.close();
  await authority.close();
});

const runners = dueToday(
  [
    { name: 'Jest', install: 'jest@30', command: ['jest/bin/jest.js', '--runInBand'] },
    { name: 'Vitest, with vmThreads, threads and forks', install: 'vitest@4', command: ['vitest/vitest.mjs', 'run'] },
  ],
  2,
);
const project = join(folder, 'project');
mkdirSync(project);
writeFileSync(join(project, 'package.json'), '{ "private": true, "type": "module" }');
const tarballs = (await packAll(folder))
  .filter(({ manifest }) => manifest.name !== 'onedrive-token')
  .map(({ tarball }) => tarball);
const npm = ['install', '--no-audit', '--no-fund', '--ignore-scripts'];
await run('npm', [...npm, ...runners.map(({ install }) => install), ...tarballs], {
  cwd: project,
  env: plainEnvironment(),
  timeout: 300_000,
});

/** Programs in JavaScript, each in a test that compares the last line that it prints. */
for (const [name, expected] of Object.entries(printed)) {
  const args = [...(name === 'packages' ? [] : [authority.url, authority.clientId]), join(project, `${name}.db`)];
  const source = stripTypeScriptTypes(readProgram(name)).replace('process.argv.slice(2)', JSON.stringify(args));
  writeFileSync(join(project, `${name}.js`), source);
  writeFileSync(
    join(project, `${name}.test.js`),
    `test(${JSON.stringify(name)}, async () => {
  const lines = [];
  const { log } = console;
  console.log = (line) => {
    lines.push(line);
    if (line.startsWith('open ')) void fetch('${helperUrl}', { method: 'POST', body: line.slice(5) });
  };
  try {
    await import('./${name}.js');
  } finally {
    console.log = log;
  }
  expect(JSON.parse(lines.at(-1))).toEqual(${JSON.stringify(expected)});
}, 30_000);
`,
  );
}
writeFileSync(
  join(project, 'every-case.test.js'),
  `import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { openFileTokenStore } from 'token-store-file';
import { storeContract } from 'token-store-kit/contract';
import { openTokenStore } from 'token-store-sqlite';
for (const open of [openTokenStore, openFileTokenStore]) {
  const openNew = () => open(join(mkdtempSync(join(import.meta.dirname, 'store-')), 'tokens'));
  const cases = storeContract({ open: openNew, close: (store) => store.close() });
  for (const { name, run } of cases) test(\`\${open.name}: \${name}\`, run, 30_000);
}
`,
);
// A pool is how Vitest runs its tests: in processes, in threads, or in contexts of `node:vm`, where all built-in classes are others.
const pools = { vmThreads: ['*.test.js'], threads: ['every-case.test.js'], forks: ['every-case.test.js'] };
const projects = Object.entries(pools).map(([pool, include]) => ({
  test: { name: pool, pool, include, globals: true },
}));
writeFileSync(
  join(project, 'vitest.config.js'),
  `export default ${JSON.stringify({ test: { projects, fileParallelism: false } })};`,
);

for (const { name, command } of runners) {
  test(`two programs, and every case of the contract for two stores, pass in ${name}`, async () => {
    const env = { ...plainEnvironment(), NODE_OPTIONS: '--experimental-vm-modules' };
    const [program = '', ...args] = command;
    const options = { cwd: project, env, timeout: 180_000 };
    await run(process.execPath, [join(project, 'node_modules', program), ...args], options);
  });
}

test.run();
