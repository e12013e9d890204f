import type { TokenRecord } from 'token-store-kit';
import type { SignInContext } from './options.ts';

/** A sign-in of an instance. */
interface OwnSignIn {
  readonly record: TokenRecord;
  /** Whether `accepts` refused its record from the start. */
  readonly isLess: boolean;
  /** Whether its record and the refreshes of that count although `accepts` refuses them. */
  readonly counts: boolean;
  /** The scopes of its record, and of its refreshes. */
  readonly scopes: Set<string>;
}

/**
 * Decides which records this instance uses: those that `accepts` approves. Until a call forces a refresh, also the result of its own
 * sign-in, even if scopes are missing: the person has just answered, and must not be asked again at each call or refresh.
 */
export class Acceptance {
  readonly #accepts: (record: TokenRecord) => boolean;
  /** The last one that was stored. */
  #stored: OwnSignIn | undefined;
  /** Those that are on their way into the store. */
  readonly #coming = new Set<OwnSignIn>();

  constructor(accepts: (record: TokenRecord) => boolean) {
    this.#accepts = accepts;
  }

  readonly accepts = (record: TokenRecord): boolean =>
    this.#accepts(record) || [this.#stored, ...this.#coming].some((own) => own && this.#isOf(own, record));

  /**
   * Takes the record of this instance's own sign-in before it is stored, because a call may read it at once. The returned function has to
   * be told whether it was stored.
   */
  signedIn(record: TokenRecord, reason: SignInContext['reason']): (isStored: boolean) => void {
    let isLess = false;
    try {
      isLess = !this.#accepts(record);
    } catch {
      // The person's sign-in must not be lost because of this error. The call gets the error when it uses `accepts` itself.
    }
    // Some providers name fewer scopes after a refresh than after a sign-in. The person has just been asked, and is not asked again.
    const counts = isLess || reason === 'not-accepted';
    const own: OwnSignIn = { record, isLess, counts, scopes: new Set([scopesOf(record)]) };
    this.#coming.add(own);
    return (isStored) => {
      if (!this.#coming.has(own)) return;
      if (isStored) this.#stored = own;
      // An earlier one that is stored later does not take its place.
      for (const each of isStored ? this.#coming : [own]) {
        this.#coming.delete(each);
        if (each === own) break;
      }
    };
  }

  /** Called when a call forces a refresh. It has rejected nothing that is on its way. */
  forgetStored(): void {
    this.#stored = undefined;
  }

  /** Called at a sign-out. */
  forget(): void {
    this.#stored = undefined;
    this.#coming.clear();
  }

  #isOf({ record: own, isLess, counts, scopes }: OwnSignIn, record: TokenRecord): boolean {
    // `accepts` approved the sign-in at first: the needs have grown since.
    if (!counts || (!isLess && !this.#accepts(own))) return false;
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
