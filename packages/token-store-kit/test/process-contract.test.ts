// Takes about 10 s.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storeProcessContract } from '../src/contract.ts';
import { leaseTimeMs } from './process-stores/lease-store.ts';
import { brokenStores } from './process-stores/open-store.ts';
import { cut, failureOf, isRunning, optionsFor, testBrokenStores } from './process-stores/test-broken-stores.ts';

const contract = suite('The contract for processes, apart from broken stores,');
contract('has no sentence that no store breaks', () => {
  const cases = storeProcessContract({ ...optionsFor('', 1), cut });
  const unbroken = cases.filter(({ name }) => !Object.values(brokenStores).some(({ fails }) => fails.test(name)));
  assert.equal(
    unbroken.map(({ name }) => name),
    [],
  );
});

contract('says why a module cannot be used, and when a case takes too long', async () => {
  assert.throws(() => storeProcessContract({} as never), /^module must be a file or its URL, not undefined$/);
  const [missing] = storeProcessContract({ module: join(tmpdir(), 'missing.js') });
  assert.match(await failureOf(missing), /^process \d+ ended too early \(exit 1\)\n.*Cannot find module.*missing\.js/s);
  const ending = join(mkdtempSync(join(tmpdir(), 'ending-')), 'open.mjs');
  for (const [act, how] of [
    ['process.exit()', 'exit 0'],
    ["process.kill(process.pid, 'SIGKILL')", 'SIGKILL'],
  ] as const) {
    writeFileSync(ending, `export const open = () => ${act} && new Promise(() => {});`);
    const [first] = storeProcessContract({ module: ending, deadline: 10_000 });
    assert.ok((await failureOf(first)).includes(` ended too early (${how})\n`), how);
  }
  rmSync(dirname(ending), { recursive: true });
  const [late] = storeProcessContract({ ...optionsFor('sound', leaseTimeMs), deadline: 5 });
  assert.match(await failureOf(late), /^it was not done within 5 ms\n.*with the seed \d+/);
});

contract('passes a sound store, with one history of about 200 calls for each of two names', async () => {
  // Not the case with a kill: all have to pass with each real store.
  for (const number of [0, 2, 3]) {
    const options = { ...optionsFor('sound', leaseTimeMs), cut, deadline: Number.POSITIVE_INFINITY };
    const made: Record<string, number>[] = [];
    const removePlace = (place: string): void => {
      const calls: Record<string, number> = {};
      for (const name of readFileSync(join(JSON.parse(place)[1], 'calls'), 'utf8')
        .trim()
        .split('\n'))
        calls[name] = (calls[name] ?? 0) + 1;
      made.push(calls);
      options.removePlace(place);
    };
    assert.is(await failureOf(storeProcessContract({ ...options, removePlace })[number]), 'it passed');
    // A busy machine may renew no lease in time.
    if (number !== 2) assert.is(made.length, 1);
    for (const calls of made) assert.equal(Object.keys(calls).sort(), ['app 0', 'app 1']);
    for (const count of made.flatMap(Object.values)) assert.ok(count > 180 && count < 300, `${count} calls`);
  }
});

contract(
  'refuses an option that it does not know, and has two cases for a store whose lock ends with its process',
  () => {
    assert.is(storeProcessContract({ module: 'open.mjs' }).length, 2);
    assert.throws(() => storeProcessContract({ module: 'open.mjs', leasetime: 1 } as never), /^.*leasetime/);
  },
);

contract(
  'gives each case a place in a new folder, and leaves nothing behind but a place that it was given',
  async () => {
    const { TMPDIR } = process.env;
    const folder = mkdtempSync(join(tmpdir(), 'places-'));
    const given = join(folder, 'given', 'store');
    mkdirSync(dirname(given));
    const module = join(folder, 'open.mjs');
    writeFileSync(module, 'export const open = (place) => { throw new Error("not at " + place); };');
    process.env.TMPDIR = folder;
    try {
      const [told] = await Promise.all(storeProcessContract({ module }).map(failureOf));
      const [elsewhere] = storeProcessContract({ module, newPlace: () => given });
      assert.ok((await failureOf(elsewhere)).includes(`not at ${given}`));
      if (process.platform !== 'win32') assert.ok(told?.includes(`not at ${join(folder, 'store-')}`), told);
      assert.equal(readdirSync(folder).sort(), ['given', 'open.mjs']);
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
      rmSync(folder, { recursive: true });
    }
  },
);

const posix = process.platform === 'win32' ? contract.skip : contract;
posix('leaves no process behind if its own ends, not even one that is stopped', async () => {
  const ends = [
    ["process.kill(process.pid, 'SIGSTOP')", 'process.exit()'],
    ['setInterval(() => {}, 1_000)', "process.kill(process.pid, 'SIGKILL')"],
  ] as const;
  await Promise.all(ends.map(([opening, ending]) => leavesNone(opening, ending)));
});

async function leavesNone(opening: string, ending: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'stopped-'));
  const [module, program] = ['open.mjs', 'parent.mjs'].map((name) => join(folder, name)) as [string, string];
  // Each process says which one it is by a file in its place.
  const open = `import { writeFileSync } from 'node:fs';
    export const open = (place) => writeFileSync(\`\${place}/\${process.pid}\`, '') ?? ${opening};`;
  writeFileSync(module, open);
  const parent = `import { readdirSync } from 'node:fs';
    import { storeProcessContract } from ${JSON.stringify(import.meta.resolve('../src/contract.ts'))};
    const [folder, module] = ${JSON.stringify([folder, module])};
    storeProcessContract({ module, newPlace: () => folder, removePlace: () => {} })[0].run();
    setInterval(() => readdirSync(folder).length === 5 && ${ending}, 50);`;
  writeFileSync(program, parent);
  const child = spawn(process.execPath, [program], { timeout: 20_000, stdio: 'inherit' });
  await once(child, 'exit');
  const pids = readdirSync(folder).map(Number).filter(Number.isInteger);
  assert.is(pids.length, 3);
  for (let tries = 0; pids.some(isRunning) && tries < 100; tries++) await delay(20);
  const left = pids.filter(isRunning);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  assert.equal(left, []);
  rmSync(folder, { recursive: true });
}

contract.run();

testBrokenStores(false);
