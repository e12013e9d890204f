import type { TokenRecord } from 'token-store-kit';

/**
 * Which records count for this instance: those that `accepts` agrees to. And, until a call forces, what its own sign-in brought although
 * it is less: the person has just answered, and is not asked again at each call or refresh.
 */
export class Acceptance {
  readonly #accepts: (record: TokenRecord) => boolean;
  /** The scopes that the person granted, if they are less. A refresh keeps them, in whichever process. */
  #granted: string | undefined;

  constructor(accepts: (record: TokenRecord) => boolean) {
    this.#accepts = accepts;
  }

  readonly accepts = (record: TokenRecord): boolean =>
    this.#accepts(record) || (this.#granted !== undefined && this.#granted === scopesOf(record));

  /** This instance's own sign-in has brought the record. */
  signedIn(record: TokenRecord): void {
    this.#granted = this.#accepts(record) ? undefined : scopesOf(record);
  }

  /** A call forces, or a person signed out. */
  forget(): void {
    this.#granted = undefined;
  }
}

/** In one order: providers change it. */
function scopesOf({ scope = '' }: TokenRecord): string {
  return scope.split(' ').sort().join(' ');
}
