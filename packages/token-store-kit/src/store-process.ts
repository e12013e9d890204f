/**
 * A process of `storeProcessContract`, started as `store-process.js MODULE PLACE`. It says that it is ready, makes the calls that its
 * parent wants, and ends.
 */
import { once } from 'node:events';
import { openSync } from 'node:fs';
import type { MaybePromise, TokenStore } from './index.ts';
import { doneStatus, type Run } from './process-cases/call.ts';
import { makeCalls } from './process-cases/caller.ts';

const [module = '', place = ''] = process.argv.slice(2);
// The parent has ended.
process.once('disconnect', () => process.exit());

const { open, close }: { open(place: string): MaybePromise<TokenStore>; close?(store: TokenStore): unknown } =
  await import(module);
const store = await open(place);
const told = once(process, 'message');
process.send?.('ready');
const [run] = (await told) as [Run];
const log = openSync(run.log, 'w');
await Promise.all(run.names.map((name, index) => makeCalls(store, run, { name, index, log })));
await close?.(store);
process.exit(doneStatus);
