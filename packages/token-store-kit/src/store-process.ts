/**
 * A process of `storeProcessContract`, started as `store-process.js MODULE PLACE`. It says that it is ready, makes the calls that its
 * parent wants, and again, until its parent wants none.
 */
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { MaybePromise, TokenStore } from './index.ts';
import type { Run } from './process-cases/call.ts';
import { Caller } from './process-cases/caller.ts';

const [module = '', place = ''] = process.argv.slice(2);
// Its parent has ended.
process.once('disconnect', () => process.exit());

const { open, close }: { open(place: string): MaybePromise<TokenStore>; close?(store: TokenStore): unknown } =
  await import(module);
const store = await open(place);
for (let isLast = false; !isLast; ) {
  const told = once(process, 'message');
  process.send?.('ready');
  const [run] = (await told) as [Run];
  isLast = run.names.length === 0;
  const log = openSync(run.log, 'w');
  const callers = run.names.map((name, index) => new Caller(store, run, { name, index, log }));
  const forgotten = run.forget.map((name) =>
    store
      .exclusively(name, async () => store.delete(name))
      .catch((error) => {
        if (!run.isCut) throw error;
      }),
  );
  await Promise.all([...forgotten, ...callers.map((caller) => caller.run())]);
  closeSync(log);
}
await close?.(store);
process.exit();
