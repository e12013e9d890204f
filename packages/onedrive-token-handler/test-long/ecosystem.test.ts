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

test('a proxy variable that is not a URL is the error CONFIGURATION, which does not show the password', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  await scene.tokenExpires();
  const program = `
    import { inspect } from 'node:util';
    import { OneDriveTokenHandler } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
    const handler = new OneDriveTokenHandler(JSON.parse(process.argv[1]));
    const error = await handler.getToken().catch((reason) => reason);
    await handler.close();
    console.log(JSON.stringify({ code: error.code, text: inspect(error, { depth: 20, showHidden: true }) }));`;
  for (const HTTP_PROXY of ['proxy.example:8080', 'ada:pa55word@proxy.example:8080']) {
    const { status, stdout, stderr } = await scene.run(['--input-type=module', '-e', program, scene.optionsFor()], {
      HTTP_PROXY,
      HTTPS_PROXY: '',
      NO_PROXY: '',
    });
    assert.is(status, 0, stderr);
    const { code, text } = JSON.parse(stdout);
    assert.is(code, 'CONFIGURATION', text);
    assert.match(text, 'HTTP_PROXY');
    assert.not.match(text + stderr, 'pa55word');
  }
});

test.run();
