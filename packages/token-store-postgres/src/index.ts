/** Keeps OAuth refresh tokens in PostgreSQL for many machines that share one sign-in. */
export type { ChangedOptions, ExclusivelyOptions, Lock, TokenRecord, TokenStoreErrorCode } from 'token-store-kit';
export { TokenStoreError } from 'token-store-kit';
export type { PgClient, PgPool, PgQuery } from './connection/pg-client.ts';
export {
  type HeldLock,
  inspectPostgresTokenStore,
  type PoolerInspection,
  type PostgresInspection,
} from './inspect-database.ts';
export type { PostgresTokenStoreOptions } from './options.ts';
export { openPostgresTokenStore, PostgresTokenStore } from './postgres-token-store.ts';
