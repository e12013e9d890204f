/**
 * stepped.ts SOURCE PATH: a process that uses the lock of a database step by step. Before each step it prints what it is about to do, and
 * waits for a line. Its clock goes on when it waits for the lock, and by nothing else. If it is `idle`, the line is the timeout of the
 * next task, in milliseconds. A task adds one to the record.
 */
import fs, { readSync, writeSync } from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { inspect } from 'node:util';

const [source = '', path = ''] = process.argv.slice(2);
const { openTokenStore }: typeof import('../../src/index.ts') = await import(`${source}/index.ts`);
const store = openTokenStore(path);

function step(what: string): string {
  writeSync(1, `${what}\n`);
  const buffer = Buffer.alloc(100);
  const length = readSync(0, buffer);
  if (length === 0) process.exit();
  return buffer.toString('utf8', 0, length);
}

/** Makes each call of these methods a step. */
function gate(object: object, methods: readonly string[]): void {
  const calls = object as Record<string, (...args: unknown[]) => unknown>;
  for (const method of methods) {
    const call = calls[method] as (...args: unknown[]) => unknown;
    calls[method] = function (this: unknown, ...args) {
      step(method);
      return call.apply(this, args);
    };
  }
}

gate(fs, ['lstatSync', 'linkSync', 'existsSync', 'unlinkSync']);
syncBuiltinESMExports();
const require = createRequire(`${source}/index.ts`);
const Database: typeof import('better-sqlite3') = require('better-sqlite3');
gate(Database.prototype, ['exec', 'close']);
const module = require.cache[require.resolve('better-sqlite3')] as NodeModule;
module.exports = new Proxy(Database, {
  construct(target, args) {
    step('connect');
    return Reflect.construct(target, args);
  },
});

let now = 0;
Math.random = () => 0.5;
Object.defineProperty(performance, 'now', { value: () => now });
Object.assign(globalThis, {
  setTimeout: (run: () => void, milliseconds: number) => {
    now += milliseconds;
    step('wait');
    return setImmediate(run);
  },
  clearTimeout: clearImmediate,
});

for (let said = 'idle'; ; ) {
  const timeout = Number(step(said));
  const task = async (): Promise<void> => {
    step('begin');
    const count = Number(store.get('app')?.refreshToken ?? 0);
    step('write');
    store.set('app', { refreshToken: `${count + 1}` });
    step('end');
  };
  said = await store.exclusively('app', task, { timeout }).then(
    () => 'idle',
    (error) => (error.reason === 'lock-held' ? 'busy' : `failed ${inspect(error)}`.replaceAll('\n', ' ')),
  );
}
