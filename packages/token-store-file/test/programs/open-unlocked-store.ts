/** A module for the contract: a store whose lock no other process sees. */

import { openFileTokenStore } from 'token-store-file';
import { CallerQueue } from 'token-store-kit';

export { close } from './open-store.ts';

const queue = new CallerQueue();
export const open = (path: string) => Object.assign(openFileTokenStore(path), { exclusively: queue.run.bind(queue) });
