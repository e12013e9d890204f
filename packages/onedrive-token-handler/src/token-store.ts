/** What is kept of one sign-in. Instants are epoch milliseconds. */
export interface TokenRecord {
  refreshToken: string;
  accessToken?: string | undefined;
  /** When the access token ends. */
  expiresAt?: number | undefined;
  /** When the access token was asked for. */
  obtainedAt?: number | undefined;
  clientId?: string | undefined;
  authority?: string | undefined;
  /** The granted scopes, separated by spaces (RFC 6749 section 3.3). */
  scope?: string | undefined;
  idToken?: string | undefined;
}

type MaybePromise<T> = T | Promise<T>;

/**
 * Where the handler keeps its tokens: anything with these methods, synchronous or not. `SqliteTokenStore` of the package
 * `token-store-sqlite` is one; that package describes each method and has a test suite that other stores can run.
 */
export interface TokenStore {
  /** The record, or undefined where there is none. */
  get(appName: string): MaybePromise<TokenRecord | undefined>;
  /** Writes the record, whatever was there. */
  set(appName: string, record: TokenRecord): MaybePromise<void>;
  /** Writes only where the stored refresh token still is `previous` (undefined: none stored). False where it is not. */
  replace(appName: string, previous: string | undefined, record: TokenRecord): MaybePromise<boolean>;
  /** False where nothing was stored. */
  delete(appName: string): MaybePromise<boolean>;
  /** The names with a record, sorted. */
  list(): MaybePromise<string[]>;
  /**
   * Runs `task` while no other caller runs one for the same name. Where `timeout` milliseconds pass before it can start,
   * rejects with an error whose `code` is `STORE_BUSY`.
   */
  exclusively<T>(
    appName: string,
    task: () => Promise<T>,
    options?: { timeout?: number; signal?: AbortSignal },
  ): Promise<T>;
}
