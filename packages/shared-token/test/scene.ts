import { until } from 'testing-authority/until';
import * as uvu from 'uvu';
import {
  SharedToken,
  type SharedTokenEvent,
  type SharedTokenOptions,
  type SignIn,
  type TokenRecord,
  type TokenResponse,
} from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';
import { RotatingProvider } from './rotating-provider.ts';

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

  /** Refresh requests are answered when the returned function is called. */
  holdAnswers(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.provider.gate = promise;
    return resolve;
  }

  /** A call whose refresh request waits for its answer. */
  async refreshing(options?: Partial<SharedTokenOptions>) {
    await this.signedIn();
    const answer = this.holdAnswers();
    const shared = this.open(options);
    const call = shared.getToken();
    call.catch(() => {});
    await this.until('refresh-started');
    return { shared, call, answer };
  }

  /** A call that asks a person, who answers when told. */
  async signingIn() {
    const { promise, resolve } = Promise.withResolvers<TokenResponse>();
    const shared = this.open({ signIn: () => promise });
    const call = this.store.records.size > 0 ? shared.signIn() : shared.getToken();
    call.catch(() => {});
    await this.until('sign-in-started');
    const answer = async (response?: TokenResponse): Promise<void> =>
      resolve(response ?? (await this.provider.signIn()));
    return { shared, call, answer };
  }

  /** Resolves when an event of this type has come. */
  until(type: SharedTokenEvent['type']): Promise<void> {
    return until(() => this.count(type) > 0);
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

type Body = (scene: Scene) => Promise<void>;

/** A test with a scene of its own, in which nothing is stored. */
export function test(name: string, body: Body): void {
  uvu.test(name, async () => {
    await using _hurried = hurry();
    await using scene = openScene();
    await body(scene);
  });
}

/** How long callers wait for a token to be stored, and how long that takes in tests. Nothing else waits for just that long. */
const [storingLimitMs, hurriedMs] = [10_000, 400];

function hurry(): AsyncDisposable {
  const real = globalThis.setTimeout;
  const hurried = (run: () => void, ms?: number, ...rest: []): NodeJS.Timeout =>
    real(run, ms === storingLimitMs ? hurriedMs : ms, ...rest);
  globalThis.setTimeout = Object.assign(hurried, real) as typeof setTimeout;
  return {
    async [Symbol.asyncDispose]() {
      globalThis.setTimeout = real;
    },
  };
}
test.run = uvu.test.run;

/** The same, with a stored sign-in whose access token has expired. */
export function testSignedIn(name: string, body: Body): void {
  test(name, async (scene) => {
    await scene.signedIn();
    await body(scene);
  });
}

/** A `signIn` for tests in which no person may be asked. */
export const mustNotAsk: SignIn = async () => {
  throw new Error('a person was asked');
};
