/** A module for the contract: a store whose lock no other process sees. */
import { CallerQueue } from 'token-store-kit';
import { openTokenStore } from 'token-store-sqlite';

export { close } from './open-store.ts';

const queue = new CallerQueue();
export const open = (path: string) => Object.assign(openTokenStore(path), { exclusively: queue.run.bind(queue) });
