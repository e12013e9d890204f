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
  // With NaN, which an unset variable of the environment becomes, no round would run, and each case would pass.
  for (const [name, least] of [
    ['names', 1],
    ['rounds', 1],
    ['leaseTime', 0],
  ] as const)
    for (const number of [least - 1, Number.NaN])
      assert.throws(
        () => storeProcessContract({ module: 'store.js', [name]: number }),
        (error: Error) =>
          error.name === 'RangeError' && error.message === `${name} must be at least ${least}, not ${number}`,
      );
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
  const made: Record<string, number> = {};
  // Not the case with a kill: all have to pass with each real store.
  for (const number of [0, 2, 3]) {
    const options = { ...optionsFor('sound', leaseTimeMs), cut, deadline: Number.POSITIVE_INFINITY };
    let rounds = 0;
    const removePlace = (place: string): void => {
      const read = (file: string): string => readFileSync(join(JSON.parse(place)[1], file), 'utf8');
      assert.match(read('closed'), number === 2 ? /^\.\.$/ : /^\.\.\.$/);
      const calls: Record<string, number> = {};
      const ofProcesses: Record<string, string> = {};
      for (const [, kind = '', name = '', pid = ''] of read('calls').matchAll(/^(\w+) of (.+) by (\d+)$/gm)) {
        ofProcesses[pid] = `${ofProcesses[pid] ?? ''}${kind} of ${name} `;
        made[kind] = (made[kind] ?? 0) + 1;
        calls[name] = (calls[name] ?? 0) + 1;
      }
      assert.equal(Object.keys(calls).sort(), ['app 0', 'app 1']);
      // Each draws its own.
      const firstCalls = Object.values(ofProcesses).map((each) => each.replaceAll(/\w+ of app 1 /g, '').slice(0, 300));
      assert.is(new Set(firstCalls).size, firstCalls.length);
      for (const count of Object.values(calls)) assert.ok(count > 120 && count < 250, `${count} calls`);
      rounds++;
      options.removePlace(place);
    };
    assert.is(await failureOf(storeProcessContract({ ...options, removePlace })[number]), 'it passed');
    // A busy machine may renew no lease in time.
    if (number !== 2) assert.is(rounds, 1);
  }
  // What is drawn is mixed: the rarest kind is about one call of fifty.
  const all = Object.values(made).reduce((sum, count) => sum + count, 0);
  const kinds = Object.keys(made).filter((kind) => (made[kind] ?? 0) > 4 && (made[kind] ?? 0) < all * 0.8);
  assert.equal(
    kinds.sort(),
    ['delete', 'exclusively', 'get', 'replace', 'set', 'signal', 'timeout'],
    JSON.stringify(made),
  );
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
