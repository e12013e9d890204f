import type { Database } from './database.ts';
import type { StandaloneClient } from './pg-pool.ts';

const noop = (): void => {};

export interface ListenOptions {
  /** An identifier of at most 63 ASCII letters, digits and underscores. */
  readonly channel: string;
  /** Called with each message. */
  readonly onMessage: (message: string) => void;
  /** Called once, if the connection ends before `close()`. */
  readonly onLost: () => void;
}

/** A connection of its own that listens to one channel. It does not keep the process alive. */
export class Listener {
  readonly #client: StandaloneClient;
  #onLost: (() => void) | undefined;

  private constructor(client: StandaloneClient, onLost: () => void) {
    this.#client = client;
    this.#onLost = onLost;
  }

  /** Resolves when it listens. Rejects if the database cannot be reached or does not allow it, as a standby. */
  static async open(database: Database, { channel, onMessage, onLost }: ListenOptions): Promise<Listener> {
    const client = database.newClient();
    if (!client) throw new Error('this pool has no connections that could listen');
    const listener = new Listener(client, onLost);
    const lost = (): void => listener.#lose();
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ payload = '' }) => onMessage(payload));
    try {
      await client.connect();
      client.unref?.();
      await client.query(`LISTEN ${channel}`);
      return listener;
    } catch (error) {
      listener.close();
      throw error;
    }
  }

  /** Ends the connection. Does not wait for that. */
  close(): void {
    this.#onLost = undefined;
    this.#client.end().catch(noop);
  }

  #lose(): void {
    const onLost = this.#onLost;
    this.close();
    onLost?.();
  }
}
