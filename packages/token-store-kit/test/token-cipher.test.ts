import { createDecipheriv, hkdfSync, scryptSync } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkKey, type KeyCheck, saltBytes, TokenCipher, type TokenRecord } from '../src/index.ts';

const bytes = new Uint8Array(32).fill(7);
const otherBytes = new Uint8Array(32).fill(8);
const domain = 'a-store';
const record: TokenRecord = { refreshToken: 'refresh', accessToken: 'access', refusedAt: 5, refusedBecause: 'revoked' };

/** Composed and decomposed: in Unicode's eyes they are the same. */
const [passphrase, decomposed] = ['caf\u00e9 horse battery staple', 'cafe\u0301 horse battery staple'];

/** One for all tests of passphrases, because to derive its key takes long. */
const byPassphrase = new TokenCipher({ key: passphrase, domain });
const sealedByPassphrase = byPassphrase.seal('app', record);

for (const key of [bytes, passphrase]) {
  const kind = typeof key === 'string' ? 'a passphrase' : '32 bytes';
  const cipher = typeof key === 'string' ? byPassphrase : new TokenCipher({ key, domain });

  test(`the check finds the right key, ${typeof key === 'string' ? 'also in another normal form of Unicode, ' : ''}if the key is ${kind}`, () => {
    const check = cipher.makeCheck();
    assert.equal(check.salt, cipher.salt);
    assert.is(TokenCipher.unlock({ key: otherBytes, domain }, check), undefined);
    assert.is(TokenCipher.unlock({ key, domain: 'another-store' }, check), undefined);
    // A passphrase is the same in every normal form of Unicode.
    const again = TokenCipher.unlock({ key: typeof key === 'string' ? decomposed : key, domain }, check);
    assert.equal(again?.open('app', cipher.seal('app', record)), record);
  });

  test(`a sealed record is salt, nonce, tag and ciphertext, bound to domain and name, if the key is ${kind}`, () => {
    const sealed = cipher.seal('app', record);
    const salt = sealed.subarray(0, 16);
    const secret =
      typeof key === 'string'
        ? scryptSync(key, salt, 32, { N: 32_768, r: 8, p: 3, maxmem: 2 ** 26 })
        : new Uint8Array(hkdfSync('sha256', key, salt, domain, 32));
    const decipher = createDecipheriv('aes-256-gcm', secret, sealed.subarray(16, 28));
    decipher.setAAD(Buffer.from(`${domain}\0record\0app`));
    decipher.setAuthTag(sealed.subarray(28, 44));
    assert.equal(JSON.parse(decipher.update(sealed.subarray(44), undefined, 'utf8') + decipher.final('utf8')), record);
  });
}

test('a message of another name, domain, key or salt does not open, and neither does a changed one', () => {
  const salt = new Uint8Array(saltBytes).fill(1);
  const cipher = new TokenCipher({ key: bytes, domain, salt });
  const sealed = cipher.seal('app', record);
  assert.equal(cipher.open('app', sealed), record);
  for (const name of ['other', 'ap', 'app\0other', '']) assert.is(cipher.open(name, sealed), undefined);
  for (const other of [
    { key: bytes, domain: 'another-store', salt },
    { key: otherBytes, domain, salt },
    { key: bytes, domain, salt: new Uint8Array(saltBytes).fill(2) },
  ]) {
    assert.is(new TokenCipher(other).open('app', sealed), undefined);
  }
  for (let index = 0; index < sealed.length; index++) {
    const changed = Uint8Array.from(sealed);
    changed[index] = (changed[index] ?? 0) ^ 1;
    assert.is(cipher.open('app', changed), undefined, `byte ${index}`);
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.is(cipher.open('app', sealed.subarray(0, length)), undefined, `${length} bytes`);
  }
});

test('what a passphrase has sealed opens with no other domain', () => {
  const other = new TokenCipher({ key: passphrase, domain: 'another-store', salt: byPassphrase.salt });
  assert.equal(other.open('app', other.seal('app', record)), record);
  assert.is(other.open('app', sealedByPassphrase), undefined);
});

test('a passphrase opens what it has sealed with an earlier salt, with each salt it has another secret, and no other one opens it', () => {
  const salt = Uint8Array.from(byPassphrase.salt);
  const again = new TokenCipher({ key: passphrase, domain, salt });
  // The caller may use its bytes again.
  salt.fill(255);
  const next = new TokenCipher({ key: passphrase, domain, salt });
  assert.equal(again.open('app', sealedByPassphrase), record);
  const last = new TokenCipher({ key: passphrase, domain, salt: salt.fill(254) });
  for (const [cipher, earlier] of [
    [next, again],
    [last, next],
  ] as const) {
    const forged = Uint8Array.from(earlier.seal('app', record));
    forged.set(cipher.salt);
    assert.is(cipher.open('app', forged), undefined);
  }
  assert.is(TokenCipher.unlock({ key: 'wrong', domain }, byPassphrase.makeCheck()), undefined);
});

test('the salt of a message tells an old key from a new one', () => {
  const old = new TokenCipher({ key: bytes, domain });
  const next = new TokenCipher({ key: otherBytes, domain });
  const ciphers = [old, next];
  for (const cipher of ciphers) {
    const sealed = cipher.seal('app', record);
    const fitting = ciphers.filter((each) => each.matches(sealed));
    assert.is(fitting.length, 1);
    assert.equal(fitting[0]?.open('app', sealed), record);
  }
  assert.ok(old.matches(old.makeCheck().salt));
  assert.not.ok(old.matches(next.makeCheck().salt));
});

test('a salt that is not 16 bytes is a TypeError', () => {
  for (const salt of [new Uint8Array(0), new Uint8Array(15), new Uint8Array(17), 'x'.repeat(16), null]) {
    assert.throws(
      () => new TokenCipher({ key: bytes, domain, salt: salt as never }),
      (error: Error) => error instanceof TypeError && error.message === 'salt must be 16 bytes',
    );
  }
});

test('a check with a damaged salt or verifier opens with no key', () => {
  const { salt, verifier } = new TokenCipher({ key: bytes, domain }).makeCheck();
  const unlock = (check: KeyCheck): TokenCipher | undefined => TokenCipher.unlock({ key: bytes, domain }, check);
  assert.ok(unlock({ salt, verifier }));
  assert.is(unlock({ salt: salt.subarray(1), verifier }), undefined);
  assert.is(unlock({ salt: new Uint8Array(0), verifier }), undefined);
  for (let index = 0; index < verifier.length; index++) {
    const changed = Uint8Array.from(verifier);
    changed[index] = (changed[index] ?? 0) ^ 1;
    assert.is(unlock({ salt, verifier: changed }), undefined, `byte ${index}`);
  }
});

test('two messages of the same record differ', () => {
  const cipher = new TokenCipher({ key: bytes, domain });
  const sealed = Array.from({ length: 50 }, () => Buffer.from(cipher.seal('app', record)).toString('hex'));
  assert.is(new Set(sealed).size, 50);
});

test('the key is not used after the cipher is made, so that the caller may wipe it', () => {
  const key = Uint8Array.from(bytes);
  const cipher = new TokenCipher({ key, domain });
  key.fill(0);
  assert.ok(TokenCipher.unlock({ key: bytes, domain }, cipher.makeCheck()));
});

test('what cannot be a key is a TypeError that does not show it', () => {
  for (const key of ['', 'secret\ud800', new Uint8Array(31), new Uint8Array(33), ['secret'], 5, null, undefined]) {
    for (const act of [() => checkKey(key as never), () => new TokenCipher({ key: key as never, domain })]) {
      assert.throws(
        act,
        (error: Error) =>
          error instanceof TypeError && error.message.startsWith('key must') && !error.message.includes('secret'),
      );
    }
  }
  assert.throws(() => checkKey(new Uint8Array(31)), / 31 bytes/);
  assert.is(checkKey(bytes), bytes);
  assert.is(checkKey('passphrase'), 'passphrase');
});

test('a cipher without a domain is refused, because what it seals could never be opened with one', () => {
  for (const key of ['passphrase', bytes]) {
    assert.throws(
      () => new TokenCipher({ key } as never),
      (error: Error) => error instanceof TypeError && /^domain must be a string/.test(error.message),
    );
  }
});

test.run();
