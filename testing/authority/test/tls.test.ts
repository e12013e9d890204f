import { X509Certificate } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { issueCertificate, signInAs, startAuthority } from '../src/index.ts';
import { App } from './app.ts';
import { openLoopback } from './loopback.ts';

const tls = issueCertificate();
const authority = await startAuthority({ tls });
test.after(() => authority.close());

test('the certificate is from an authority of its own, has the names of this machine, and is valid now', () => {
  const authority = new X509Certificate(tls.ca);
  const certificate = new X509Certificate(tls.cert);
  assert.ok(authority.ca && authority.verify(authority.publicKey));
  assert.ok(certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
  assert.not.ok(certificate.ca, 'Firefox refuses the certificate of an authority as that of a server');
  for (const address of ['127.0.0.1', '::1']) assert.ok(certificate.checkIP(address), address);
  assert.ok(certificate.checkHost('localhost'));
  assert.ok(Date.parse(certificate.validFrom) < Date.now() && Date.parse(certificate.validTo) > Date.now());
});

test('an authority with a certificate serves https only, and its addresses have https', async () => {
  assert.match(authority.url, /^https:\/\/127\.0\.0\.1:\d+\/consumers$/);
  const plain = await fetch(authority.url.replace('https:', 'http:')).then(() => 'an answer', String);
  assert.match(plain, 'fetch failed');
});

test('a browser that trusts the certificate signs in; another one refuses', async () => {
  const app = new App(authority);
  await using loopback = await openLoopback();
  const { url } = app.authorizationUrl(loopback.redirectUri, { response_mode: 'form_post' });
  await signInAs(url, { ca: tls.ca });
  assert.ok((await loopback.answer()).params.get('code'));
  const refusal = await signInAs(url).then(
    () => undefined,
    (error) => error.code,
  );
  assert.is(refusal, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
});

test.run();
