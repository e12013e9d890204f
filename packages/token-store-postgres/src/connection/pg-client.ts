/** The part of `pg` that this package uses, so that its declarations need no `@types/pg`. Every `pg.Pool` has it. */
import { connect } from 'node:net';

/** One statement, as `client.query` of pg takes it. */
export interface PgQuery {
  readonly text: string;
  readonly values?: unknown[];
  /** How pg reads the values of a result. */
  readonly types?: {
    /** Returns the function that turns the server's text into a value. */
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
  /** Resolves with a connection, which the caller has to release. */
  connect(): Promise<PgClient>;
  /** Closes all connections. */
  end(): Promise<void>;
  /** Adds a listener. */
  // biome-ignore lint/suspicious/noExplicitAny: pg declares other arguments for each event.
  on(event: any, listener: (argument: any) => void): unknown;
  /** The options of each new connection. */
  readonly options: object;
}

/** A socket of Node.js, declared here because a user may not have the types of Node.js. */
export interface PgSocket {
  destroy(error?: Error): unknown;
  emit(event: string | symbol, ...values: unknown[]): boolean;
}

/** A `pg.Client`, with parts that its declarations leave out. pg-pool uses them as well. */
export interface FullClient {
  /** Undefined if the client could not be made. Then `connect` fails with the reason. */
  readonly host?: string | undefined;
  readonly port?: number;
  readonly user?: string | undefined;
  readonly database?: string | undefined;
  /** null if none was given. pg calls a function when the server asks for a password. */
  password?: unknown;
  /** The settings that pg connects with. */
  readonly connectionParameters: object;
  /** The id of the server process, sent when the connection was made. A pooler sends an id that no process has. */
  readonly processID?: number | null;
  readonly secretKey?: unknown;
  readonly connection?: { readonly stream: PgSocket; on(event: string, listener: () => void): unknown };
  connect(): Promise<unknown>;
  query(text: string): Promise<{ rows: Readonly<Record<string, string | null>>[] }>;
  unref?(): void;
  on(event: 'error' | 'notification', listener: (event: { payload?: string | undefined }) => void): unknown;
}

export type ClientConstructor = new (options: object) => FullClient;

const cancelTimeoutMs = 1_000;
/** PostgreSQL's manual, "Message Formats": CancelRequest. */
const cancelRequest = 80_877_102;

/** Ends a connection at once. pg's `end` would wait until the server closes the connection, which a dead server never does. */
export function destroySocket(client: object): void {
  (client as FullClient).connection?.stream?.destroy();
}

/**
 * Cancels the statement of an abandoned connection. Otherwise, its server process would go on waiting for a locked table. Resolves when the
 * server has received the request, or does not answer in time. pg's own `cancel` does nothing over TLS.
 */
export async function cancelStatement(client: object): Promise<void> {
  const { host, port, processID, secretKey } = client as FullClient;
  if (host === undefined || port === undefined || !processID || typeof secretKey !== 'number') return;
  const request = Buffer.alloc(16);
  for (const [index, value] of [request.length, cancelRequest, processID, secretKey].entries())
    request.writeInt32BE(value | 0, 4 * index);
  const socket = connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port });
  socket.setTimeout(cancelTimeoutMs, () => socket.destroy());
  socket.on('error', () => {});
  socket.resume().end(request);
  await new Promise((resolve) => socket.once('close', resolve));
}
