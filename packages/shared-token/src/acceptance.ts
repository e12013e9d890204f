import type { TokenRecord } from 'token-store-kit';
import type { SignInContext } from './options.ts';

/** The last sign-in of an instance. */
interface OwnSignIn {
  /** Its record, if that and its refreshes count although `accepts` refuses them. */
  readonly own: TokenRecord | undefined;
  /** Whether `accepts` refused its record from the start. */
  readonly isLess: boolean;
  /** The scopes of its record, and of its refreshes. */
  readonly scopes: Set<string>;
}

/**
 * Decides which records this instance uses: those that `accepts` approves. Until a call forces a refresh, also the result of its own
 * sign-in, even if scopes are missing: the person has just answered, and must not be asked again at each call or refresh.
 */
export class Acceptance {
  readonly #accepts: (record: TokenRecord) => boolean;
  #last: OwnSignIn = { own: undefined, isLess: false, scopes: new Set() };

  constructor(accepts: (record: TokenRecord) => boolean) {
    this.#accepts = accepts;
  }

  readonly accepts = (record: TokenRecord): boolean => this.#accepts(record) || this.#isOwn(record);

  /** Takes the record of this instance's own sign-in. Returns a function that takes this back, for a sign-in that is not stored. */
  signedIn(record: TokenRecord, reason: SignInContext['reason']): () => void {
    const before = this.#last;
    let isLess = false;
    try {
      isLess = !this.#accepts(record);
    } catch {
      // The person's sign-in must not be lost because of this error. The call gets the error when it uses `accepts` itself.
    }
    // Some providers name fewer scopes after a refresh than after a sign-in. The person has just been asked, and is not asked again.
    const own = isLess || reason === 'not-accepted' ? record : undefined;
    const last = { own, isLess, scopes: new Set([scopesOf(record)]) };
    this.#last = last;
    return () => {
      if (this.#last === last) this.#last = before;
    };
  }

  /** Called when a call forces a refresh, and at a sign-out. */
  forget(): void {
    this.#last = { ...this.#last, own: undefined };
  }

  #isOwn(record: TokenRecord): boolean {
    const { own, isLess, scopes } = this.#last;
    // `accepts` approved the sign-in at first: the needs have grown since.
    if (!own || (!isLess && !this.#accepts(own))) return false;
    // A refresh keeps the time of the sign-in, in any process, but its answer may name the scopes in another way.
    const isOfIt = record.signedInAt === own.signedInAt;
    if (isOfIt) scopes.add(scopesOf(record));
    // Equal scopes count as well. Otherwise, two programs of one client that both lack scopes would ask the person by turns.
    const isSameClient = isOfIt || [undefined, own.clientId].includes(record.clientId);
    return isSameClient && scopes.has(scopesOf(record));
  }
}

/** Sorted, because providers change the order. */
function scopesOf({ scope = '' }: TokenRecord): string {
  return scope.split(' ').sort().join(' ');
}
