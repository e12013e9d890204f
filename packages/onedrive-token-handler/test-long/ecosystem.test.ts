// Takes about 5 s.
import { fileURLToPath } from 'node:url';
import { issueCertificate, signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertProxyUsed, trusting, writeCertificate } from '../test/proxied.ts';
import { openScene } from '../test/scene.ts';

const graphScript = fileURLToPath(new URL('../test/graph-sdk-process.ts', import.meta.url));

test('the Microsoft Graph SDK takes the handler as its AuthenticationProvider, and reads the drive', async () => {
  const tls = issueCertificate();
  await using scene = await openScene({ tls });
  const dispatcher = trusting(tls.ca);
  await scene.signedIn({ dispatcher, openBrowser: (url) => signInAs(url, { ca: tls.ca }) });
  const { origin } = scene.authority;
  const env = { NODE_EXTRA_CA_CERTS: writeCertificate(scene, tls.ca) };
  const { stdout, stderr } = await scene.run([graphScript, scene.optionsFor(), origin], env);
  assert.is(stdout.trim(), 'personal', stderr);
});

test('requests over https use the proxy in the environment, except to the hosts in NO_PROXY', () =>
  assertProxyUsed(issueCertificate()));

test.run();
