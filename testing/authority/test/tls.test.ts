import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { signInAs, startAuthority } from '../src/index.ts';
import { App } from './app.ts';
import { openLoopback } from './loopback.ts';

const tls = makeCertificate();
if (!tls)
  console.log('skipped: an authority over https needs openssl to make a certificate (Debian: apt install openssl)');
const overTls = tls ? test : test.skip;
const authority = await startAuthority(tls ? { tls } : {});
test.after(() => authority.close());

overTls('an authority with a certificate serves https only, and its addresses say so', async () => {
  assert.match(authority.url, /^https:\/\/127\.0\.0\.1:\d+\/consumers$/);
  const plain = await fetch(authority.url.replace('https:', 'http:')).then(() => 'an answer', String);
  assert.match(plain, 'fetch failed');
});

overTls('a browser that trusts the certificate signs in; one that does not refuses', async () => {
  const app = new App(authority);
  await using loopback = await openLoopback();
  const { url } = app.authorizationUrl(loopback.redirectUri, { response_mode: 'form_post' });
  await signInAs(url, { ca: tls?.cert ?? '' });
  assert.ok((await loopback.answer()).params.get('code'));
  const refusal = await signInAs(url).then(
    () => undefined,
    (error) => error.code,
  );
  assert.is(refusal, 'DEPTH_ZERO_SELF_SIGNED_CERT');
});

function makeCertificate(): { key: string; cert: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'authority-tls-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    if (spawnSync('openssl', [...made, ...names, '-keyout', key, '-out', cert]).status !== 0) return undefined;
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test.run();
