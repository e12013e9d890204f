import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

let key: Promise<object> | undefined;

/** The private JWK that signs ID tokens. All authorities of a process share it, because to make one takes longer than the rest of a start. */
export function signingKey(): Promise<object> {
  key ??= makeKey();
  return key;
}

async function makeKey(): Promise<object> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const kid = randomBytes(20).toString('base64url');
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
}
