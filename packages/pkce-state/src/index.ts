/**
 * Makes the `state` parameter of an OAuth authorization request, with its PKCE pair.
 *
 * Uses WebCrypto only, so it runs in Node, Deno, Bun, workers and browsers alike.
 */

/** RFC 7636 section 4.1. */
const verifierPattern = /^[A-Za-z0-9\-._~]{43,128}$/;

/** A verifier and its challenge, for one authorization request (RFC 7636). */
export interface Pkce {
  /** The `code_verifier` of the token request. A secret: keep it in the process that made it until then. */
  readonly verifier: string;
  /** The `code_challenge` of the authorization request. */
  readonly challenge: string;
  /** The `code_challenge_method` of the authorization request. */
  readonly method: 'S256';
}

/**
 * Makes a value that an attacker cannot guess: 32 random bytes as 43 base64url characters.
 *
 * Use it as the `state` (RFC 6749 section 10.12) or the `nonce` (OpenID Connect Core section 15.5.2) of one authorization
 * request. Make a new one for each request.
 */
export function createState(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/**
 * Makes a new PKCE pair with the method S256 (RFC 7636 sections 4.1 and 4.2).
 *
 * The verifier is made of 32 random bytes as 43 base64url characters. In a browser this works only in a secure context:
 * https, or a page on localhost.
 */
export async function createPkce(): Promise<Pkce> {
  const verifier = createState();
  return { verifier, challenge: await createChallenge(verifier), method: 'S256' };
}

/**
 * Derives the S256 challenge of a verifier: BASE64URL(SHA-256(verifier)), RFC 7636 section 4.2.
 *
 * @throws {TypeError} (as a rejection) if the verifier is not a string.
 * @throws {RangeError} (as a rejection) if the verifier is not 43 to 128 characters of `A-Z a-z 0-9 - . _ ~`
 * (RFC 7636 section 4.1).
 */
export async function createChallenge(verifier: string): Promise<string> {
  if (typeof verifier !== 'string') throw new TypeError(`\`verifier\` must be a string, not ${typeof verifier}`);
  if (!verifierPattern.test(verifier)) {
    // The verifier is a secret, so the message has only its length.
    throw new RangeError(
      `\`verifier\` must be 43 to 128 characters of A-Z a-z 0-9 - . _ ~ (RFC 7636 section 4.1), not ${
        verifier.length < 43 || verifier.length > 128 ? `${verifier.length} characters` : 'another character'
      }`,
    );
  }
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
}

/**
 * Whether the `state` that came back is the one that was sent (RFC 6749 section 10.12).
 *
 * The running time depends only on the length of `received`, so that it does not reveal how much of a guess was right. Returns
 * false if either value is empty or not a string: a missing `state` never matches.
 */
export function isSameState(expected: string, received: string | null | undefined): boolean {
  // Query parsers may return an array, even if their types say otherwise.
  if (typeof expected !== 'string' || typeof received !== 'string' || expected === '') return false;
  let difference = expected.length ^ received.length;
  // No early return, because a timing attack would measure it.
  for (let index = 0; index < received.length; index++) {
    difference |= received.charCodeAt(index) ^ expected.charCodeAt(index % expected.length);
  }
  return difference === 0;
}

/** RFC 4648 section 5, without padding. */
function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
