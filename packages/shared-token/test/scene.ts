import {
  SharedToken,
  type SharedTokenEvent,
  type SharedTokenOptions,
  type SignIn,
  type TokenRecord,
} from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';
import { RotatingProvider } from './rotating-provider.ts';
import { untilTrue } from './within.ts';

/** A provider, a store, and SharedTokens that use both: each is like a process of its own. */
export class Scene<Store extends MemoryStore = MemoryStore> implements AsyncDisposable {
  readonly provider = new RotatingProvider();
  readonly store: Store;
  /** Of all SharedTokens, in the order in which they came. */
  readonly events: SharedTokenEvent[] = [];
  readonly #opened: SharedToken[] = [];

  constructor(store: Store) {
    this.store = store;
  }

  open(options: Partial<SharedTokenOptions> = {}): SharedToken {
    const { store, provider, events } = this;
    const onEvent = (event: SharedTokenEvent): void => void events.push(event);
    const shared = new SharedToken({ store, name: 'my-app', refresh: provider.refresh, onEvent, ...options });
    this.#opened.push(shared);
    return shared;
  }

  /** The stored record. Fails if there is none. */
  get record(): TokenRecord {
    const record = this.store.records.get('my-app');
    if (!record) throw new Error('nothing is stored');
    return record;
  }

  /** Stores a sign-in whose access token has expired, with `changes`. */
  async signedIn(changes: Partial<TokenRecord> = {}): Promise<void> {
    const { access_token: accessToken, refresh_token: refreshToken = '' } = await this.provider.signIn();
    const record = { refreshToken, accessToken, obtainedAt: Date.now() - 3_600_000, expiresAt: Date.now() - 1 };
    await this.store.set('my-app', { ...record, ...changes });
  }

  /** Resolves when an event of this type has come. */
  until(type: SharedTokenEvent['type']): Promise<void> {
    return untilTrue(() => this.count(type) > 0);
  }

  count(type: SharedTokenEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#opened.map((shared) => shared.close()));
  }
}

export function openScene(): Scene {
  return new Scene(new MemoryStore());
}

/** A `signIn` for tests in which no person may be asked. */
export const mustNotAsk: SignIn = async () => {
  throw new Error('a person was asked');
};
