/** The part of `pg` that this package uses, so that its declarations need no `@types/pg`. Every `pg.Pool` has it. */

/** One statement, as `client.query` of pg takes it. */
export interface PgQuery {
  readonly text: string;
  readonly values?: unknown[];
  /** How pg reads the values of a result. */
  readonly types?: {
    /** What makes a value of the server's text. */
    getTypeParser(): (value: string) => string;
  };
}

/** A connection of a pool, as pg makes it. */
export interface PgClient {
  /** Runs one statement. */
  query(query: PgQuery): Promise<{ rows: unknown[] }>;
  /** Gives the connection back to its pool, or closes it. */
  release(destroy?: boolean): void;
  /** Adds a listener for errors of an idle connection. */
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** A `pg.Pool`. */
export interface PgPool {
  /** A connection, which its caller has to release. */
  connect(): Promise<PgClient>;
  /** Closes all connections. */
  end(): Promise<void>;
  /** Adds a listener. */
  // biome-ignore lint/suspicious/noExplicitAny: pg declares other arguments for each event.
  on(event: any, listener: (argument: any) => void): unknown;
  /** What each of its connections is made with. */
  readonly options: object;
}

/** A connection outside of a pool: a `pg.Client`. */
export interface StandaloneClient {
  /** Undefined: it could not be made, and `connect` says why. */
  readonly host?: string;
  readonly port?: number;
  database?: string | undefined;
  user?: string | undefined;
  readonly ssl?: unknown;
  /** What it tells the server. */
  readonly connectionParameters: object;
  /** null if none was given; a function is asked when the server wants one. */
  password?: unknown;
  connect(): Promise<unknown>;
  query(text: string): Promise<{ rows: Readonly<Record<string, string | null>>[] }>;
  end(): Promise<void>;
  unref?(): void;
  on(event: 'error' | 'end' | 'notification', listener: (event: { payload?: string | undefined }) => void): unknown;
}

export type ClientConstructor = new (options: object) => StandaloneClient;

/** Of a stream of Node.js, whose types a user may not have. */
export interface PgSocket {
  destroy(error?: Error): unknown;
  emit(event: string | symbol, ...values: unknown[]): boolean;
}

/** Parts of pg's connections that its declarations leave out. pg-pool uses them as well. */
export interface ClientInternals {
  /** The server process that the server named when the connection was made. A pooler names one that does not exist. */
  readonly processID?: number | null;
  readonly secretKey?: unknown;
  readonly host?: string;
  readonly port?: number;
  readonly connection?: { readonly stream: PgSocket; on(event: string, listener: () => void): unknown };
}

/** Whether the server process that answers (`pid`) is the one that the connection was made with. A pooler names another one. */
export function isOwnProcess(client: PgClient, pid: string | null | undefined): boolean {
  return pid === String((client as ClientInternals).processID);
}
