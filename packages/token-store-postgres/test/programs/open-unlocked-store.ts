/** A module for the contract: a store whose lock no other process sees. */
import { CallerQueue } from 'token-store-kit';
import { open as openStore } from './open-store.ts';

export { close } from './open-store.ts';

const queue = new CallerQueue();
export const open = async (options: string) =>
  Object.assign(await openStore(options), { exclusively: queue.run.bind(queue) });
