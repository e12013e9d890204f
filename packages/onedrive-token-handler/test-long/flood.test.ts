// Takes about 6 s.
import { signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { exchangeBytes } from '../../loopback-acceptor/test/send-request.ts';
import { inParallel } from '../../loopback-acceptor/test-long/in-parallel.ts';
import { openScene } from '../test/scene.ts';

/** One more than the acceptor refuses by default. A script in a page that knows the port sends as many in half a minute. */
const strays = 10_001;

test('a web page that floods the port cannot end a sign-in', async () => {
  await using scene = await openScene();
  const handler = scene.handler({
    signInTimeout: 300_000,
    openBrowser: async (url) => {
      const { host, port } = new URL(new URL(url).searchParams.get('redirect_uri') ?? '');
      const stray = `GET /?code=a&state=guess HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
      await inParallel(50, strays, async () => {
        assert.match(await exchangeBytes(Number(port), stray), /^HTTP\/1\.1 400/);
      });
      await signInAs(url);
    },
  });
  assert.ok((await handler.signIn()).signedIn);
});

test.run();
