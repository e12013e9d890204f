/** What most programs that read a token never need, in one file. */
export { waitForChange } from './database/wait-for-change.ts';
export { runExclusively } from './lock/run-exclusively.ts';
