import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Entry {
  payload: AdapterPayload;
  /** Epoch milliseconds, because with the provider's whole seconds a token could expire earlier than its `expires_in`. */
  expiresAt: number;
  consumedAt?: number;
}

/** Keeps all records of the provider in memory. oidc-provider's own adapter has a size limit. */
export class MemoryStore {
  readonly #models = new Map<string, Map<string, Entry>>();
  readonly #reuseGrace: number;

  /** @param reuseGrace for how many milliseconds a refresh token is accepted again after it was rotated */
  constructor(reuseGrace: number) {
    this.#reuseGrace = reuseGrace;
  }

  /** The provider's adapter for one kind of record. */
  adapter(model: string): Adapter {
    const entries = this.#entries(model);
    const find = async (match: (payload: AdapterPayload) => boolean): Promise<AdapterPayload | undefined> =>
      [...entries.values()].find(({ payload }) => match(payload))?.payload;
    return {
      upsert: async (id, payload, expiresIn) => {
        const expiresAt = expiresIn === undefined ? Number.POSITIVE_INFINITY : Date.now() + expiresIn * 1000;
        entries.set(id, { payload, expiresAt });
      },
      find: async (id) => this.#find(model, id),
      findByUid: (uid) => find((payload) => payload.uid === uid),
      findByUserCode: (userCode) => find((payload) => payload.userCode === userCode),
      consume: async (id) => {
        const entry = entries.get(id);
        if (!entry) return;
        entry.consumedAt ??= Date.now();
        entry.payload = { ...entry.payload, consumed: Math.floor(entry.consumedAt / 1000) };
      },
      destroy: async (id) => void entries.delete(id),
      revokeByGrantId: async (grantId) => {
        for (const [id, { payload }] of entries) if (payload.grantId === grantId) entries.delete(id);
      },
    };
  }

  /** The payload of an access token. Undefined if it is unknown or, to the millisecond, expired. */
  accessToken(value: string): AdapterPayload | undefined {
    const entry = this.#entries('AccessToken').get(value);
    return entry && entry.expiresAt > Date.now() ? entry.payload : undefined;
  }

  /** The scopes of a refresh token, in inner names. Undefined if it is unknown. */
  grantedScope(refreshToken: string): string | undefined {
    return this.#entries('RefreshToken').get(refreshToken)?.payload.scope;
  }

  /** Deletes every record of one kind. */
  clear(model: string): void {
    this.#entries(model).clear();
  }

  #find(model: string, id: string): AdapterPayload | undefined {
    const entry = this.#entries(model).get(id);
    if (!entry) return undefined;
    const forgiven =
      model === 'RefreshToken' && entry.consumedAt !== undefined && Date.now() - entry.consumedAt < this.#reuseGrace;
    return forgiven ? { ...entry.payload, consumed: undefined } : entry.payload;
  }

  #entries(model: string): Map<string, Entry> {
    const entries = this.#models.get(model) ?? new Map<string, Entry>();
    this.#models.set(model, entries);
    return entries;
  }
}
