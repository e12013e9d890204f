import { calculatePKCECodeChallenge } from 'oauth4webapi';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createChallenge, createPkce } from '../src/index.ts';
import { assertRandom } from './assert-random.ts';

test('the challenge of RFC 7636 appendix B', async () => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
  assert.is(await createChallenge(verifier), 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
});

test('the method of a pair is S256, and its challenge is that of its verifier', async () => {
  const { verifier, challenge, method } = await createPkce();
  assert.is(method, 'S256');
  assert.is(challenge, await createChallenge(verifier));
});

// test-long/secrets.test.ts draws 100,000.
test('10,000 states are 43 base64url characters, all are different, and each bit is set in half of them', () =>
  assertRandom(10_000));

test('verifiers and challenges are never the same twice', async () => {
  const pairs = await Promise.all(Array.from({ length: 1_000 }, () => createPkce()));
  assert.is(new Set(pairs.flatMap(({ verifier, challenge }) => [verifier, challenge])).size, 2_000);
  for (const { verifier, challenge } of pairs) {
    assert.match(verifier, /^[\w-]{43}$/);
    assert.match(challenge, /^[\w-]{43}$/);
  }
});

for (const [verifier, what] of [
  ['a'.repeat(42), '42 characters'],
  ['a'.repeat(129), '129 characters'],
  [`${'a'.repeat(42)}+`, 'another character'],
  [`${'a'.repeat(127)}+`, 'another character'],
] as const) {
  test(`a verifier of ${verifier.length} characters, with ${verifier.at(-1)} at its end, is refused as ${what}`, async () => {
    const message = await createChallenge(verifier).catch(String);
    assert.match(message, new RegExp(`^RangeError: .*, not ${what}$`));
  });
}

test('the challenges of 1,000 random verifiers are the same as those of oauth4webapi', async () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';
  for (let round = 0; round < 1_000; round++) {
    const random = crypto.getRandomValues(new Uint8Array(43 + (round % 86)));
    const verifier = [...random].map((byte) => alphabet[byte % alphabet.length]).join('');
    assert.is(await createChallenge(verifier), await calculatePKCECodeChallenge(verifier));
  }
});

const bad: [what: string, verifier: unknown, error: typeof RangeError | typeof TypeError][] = [
  ['42 characters', 'a'.repeat(42), RangeError],
  ['129 characters', 'a'.repeat(129), RangeError],
  ['no character', '', RangeError],
  ['a space', `${'a'.repeat(42)} `, RangeError],
  ['a plus sign', `${'a'.repeat(42)}+`, RangeError],
  ['padding', `${'a'.repeat(43)}=`, RangeError],
  ['a letter with an accent', `${'a'.repeat(42)}é`, RangeError],
  ['a line break at its end', `${'a'.repeat(43)}\n`, RangeError],
  ['a number', 1, TypeError],
  ['undefined', undefined, TypeError],
];
for (const [what, verifier, expected] of bad) {
  test(`a verifier of ${what} is a ${expected.name} that does not quote it`, async () => {
    const error = await createChallenge(verifier as string).catch((reason: unknown) => reason);
    assert.instance(error, expected);
    assert.match((error as Error).message, 'verifier');
    if (typeof verifier === 'string' && verifier) assert.not.match((error as Error).message, verifier.slice(0, 20));
  });
}

for (const length of [43, 128]) {
  test(`a verifier of ${length} characters is accepted`, async () => {
    assert.match(await createChallenge('~'.repeat(length)), /^[\w-]{43}$/);
  });
}

test.run();
