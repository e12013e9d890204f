/** What a program loads twice in one process if its framework loads its modules again. A bundler makes one file of it. */
export { SharedToken } from 'shared-token';
export { openFileTokenStore } from 'token-store-file';
export { openTokenStore } from 'token-store-sqlite';
