import type { TokenRecord } from 'token-store-kit';
import type { SignInContext } from './options.ts';

/**
 * Which records count for this instance: those that `accepts` agrees to. And, until a call forces, what its own sign-in brought although
 * it is less: the person has just answered, and is not asked again at each call or refresh.
 */
export class Acceptance {
  readonly #accepts: (record: TokenRecord) => boolean;
  /** What its own sign-in brought, if that counts whatever a refresh makes of it. */
  #own: TokenRecord | undefined;
  /** When the last one began, by the monotonic clock. */
  #began = 0;
  /** Whether it was less from the start. */
  #isLess = false;
  /** What it brought, and what refreshes have made of it. */
  #scopes = new Set<string>();

  constructor(accepts: (record: TokenRecord) => boolean) {
    this.#accepts = accepts;
  }

  readonly accepts = (record: TokenRecord): boolean => this.#accepts(record) || this.#isOwn(record);

  /** This instance's own sign-in has brought the record. `began`: when, by the monotonic clock. */
  signedIn(record: TokenRecord, reason: SignInContext['reason'], began: number): void {
    // One that began before the last one may end after it, and is not stored then.
    if (began < this.#began) return;
    this.#began = began;
    try {
      this.#isLess = !this.#accepts(record);
    } catch {
      // The call is told when it asks itself. What the person has done must not be lost for it.
      this.#isLess = false;
    }
    // Some providers name more scopes after a sign-in than after a refresh: the person has just been asked for them again.
    this.#own = this.#isLess || reason === 'not-accepted' ? record : undefined;
    this.#scopes = new Set([scopesOf(record)]);
  }

  /** A call forces, or a person signed out. */
  forget(): void {
    this.#own = undefined;
  }

  #isOwn(record: TokenRecord): boolean {
    const own = this.#own;
    // If it was enough, more may be needed by now.
    if (!own || (!this.#isLess && !this.#accepts(own))) return false;
    // A refresh keeps the time of the sign-in, in whichever process, but may name the scopes in another way.
    const isOfIt = record.signedInAt === own.signedInAt;
    if (isOfIt) this.#scopes.add(scopesOf(record));
    // Without the scopes, two programs of one client that both got less than they need would ask by turns.
    const isSameClient = isOfIt || [undefined, own.clientId].includes(record.clientId);
    return isSameClient && this.#scopes.has(scopesOf(record));
  }
}

/** In one order: providers change it. */
function scopesOf({ scope = '' }: TokenRecord): string {
  return scope.split(' ').sort().join(' ');
}
