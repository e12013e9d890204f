import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

let key: Promise<object> | undefined;

/** The private JWK that signs ID tokens. One for the process: making one takes longer than all else an authority does to start. */
export function signingKey(): Promise<object> {
  key ??= makeKey();
  return key;
}

async function makeKey(): Promise<object> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const kid = randomBytes(20).toString('base64url');
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
}
