import type { TokenRecord } from 'token-store-kit';

/**
 * Which records count for this instance: those that `accepts` agrees to. And, until a call forces, what its own sign-in brought although
 * it is less: the person has just answered, and is not asked again at each call or refresh.
 */
export class Acceptance {
  readonly #accepts: (record: TokenRecord) => boolean;
  /** What its own sign-in brought, if that is less. */
  #less: TokenRecord | undefined;

  constructor(accepts: (record: TokenRecord) => boolean) {
    this.#accepts = accepts;
  }

  readonly accepts = (record: TokenRecord): boolean =>
    this.#accepts(record) || (this.#less !== undefined && isLike(record, this.#less));

  /** This instance's own sign-in has brought the record. */
  signedIn(record: TokenRecord): void {
    this.#less = this.#accepts(record) ? undefined : record;
  }

  /** A call forces, or a person signed out. */
  forget(): void {
    this.#less = undefined;
  }
}

/**
 * Whether a record is of the same sign-in: a refresh keeps its time, in whichever process, but may name the scopes in another way. Or of
 * another one with the same scopes: otherwise two programs to which the person denied something would ask by turns.
 */
function isLike(record: TokenRecord, less: TokenRecord): boolean {
  return record.signedInAt === less.signedInAt || scopesOf(record) === scopesOf(less);
}

/** In one order: providers change it. */
function scopesOf({ scope = '' }: TokenRecord): string {
  return scope.split(' ').sort().join(' ');
}
