import type { TokenRecord } from 'token-store-kit';
import type { SignInContext } from './options.ts';

/**
 * Decides which records this instance uses: those that `accepts` approves. Until a call forces a refresh, also the result of its own
 * sign-in, even if scopes are missing: the person has just answered, and must not be asked again at each call or refresh.
 */
export class Acceptance {
  readonly #accepts: (record: TokenRecord) => boolean;
  /** The record of its last sign-in, if that and its refreshes count although `accepts` refuses them. */
  #own: TokenRecord | undefined;
  /** When the last sign-in began, by the monotonic clock. */
  #began = 0;
  /** Whether `accepts` refused the record of that sign-in from the start. */
  #isLess = false;
  /** The scopes of the record of that sign-in, and of its refreshes. */
  #scopes = new Set<string>();

  constructor(accepts: (record: TokenRecord) => boolean) {
    this.#accepts = accepts;
  }

  readonly accepts = (record: TokenRecord): boolean => this.#accepts(record) || this.#isOwn(record);

  /** Takes the record of this instance's own sign-in. `began`: when the sign-in began, by the monotonic clock. */
  signedIn(record: TokenRecord, reason: SignInContext['reason'], began: number): void {
    // A sign-in that began before the last one may end after it, and is not stored then.
    if (began < this.#began) return;
    this.#began = began;
    try {
      this.#isLess = !this.#accepts(record);
    } catch {
      // The person's sign-in must not be lost because of this error. The call gets the error when it uses `accepts` itself.
      this.#isLess = false;
    }
    // Some providers name fewer scopes after a refresh than after a sign-in. The person has just been asked, and is not asked again.
    this.#own = this.#isLess || reason === 'not-accepted' ? record : undefined;
    this.#scopes = new Set([scopesOf(record)]);
  }

  /** Called when a call forces a refresh, and at a sign-out. */
  forget(): void {
    this.#own = undefined;
  }

  #isOwn(record: TokenRecord): boolean {
    const own = this.#own;
    // `accepts` approved the sign-in at first: the needs have grown since.
    if (!own || (!this.#isLess && !this.#accepts(own))) return false;
    // A refresh keeps the time of the sign-in, in any process, but its answer may name the scopes in another way.
    const isOfIt = record.signedInAt === own.signedInAt;
    if (isOfIt) this.#scopes.add(scopesOf(record));
    // Equal scopes count as well. Otherwise, two programs of one client that both lack scopes would ask the person by turns.
    const isSameClient = isOfIt || [undefined, own.clientId].includes(record.clientId);
    return isSameClient && this.#scopes.has(scopesOf(record));
  }
}

/** Sorted, because providers change the order. */
function scopesOf({ scope = '' }: TokenRecord): string {
  return scope.split(' ').sort().join(' ');
}
