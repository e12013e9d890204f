import { generateKeyPair, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** A key that src/build.ts has made. */
export const builtKey = new URL('../../dist/signing-key.json', import.meta.url);

let key: Promise<object> | undefined;

/**
 * The private JWK that signs ID tokens. All authorities share the key of the last build, because making a key takes longer than the rest of
 * a start. Without a build, the authorities of a process share one.
 */
export function signingKey(): Promise<object> {
  key ??= readFile(builtKey, 'utf8').then(JSON.parse).catch(makeSigningKey);
  return key;
}

export async function makeSigningKey(): Promise<object> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const kid = randomBytes(20).toString('base64url');
  return { ...privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
}
