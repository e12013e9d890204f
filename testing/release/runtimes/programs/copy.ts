/** The modules that a program loads twice in one process if its framework reloads them. A bundler makes one file of it. */
export { SharedToken } from 'shared-token';
export { openFileTokenStore } from 'token-store-file';
export { openTokenStore } from 'token-store-sqlite';
