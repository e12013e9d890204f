// Takes about 6 s.
import { once } from 'node:events';
import { connect } from 'node:net';
import { signInAs } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from '../test/scene.ts';

/** One more than the acceptor refuses by default. A script in a page that knows the port sends as many in half a minute. */
const strays = 10_001;
const atATime = 50;

test('a web page that floods the port cannot end a sign-in', async () => {
  await using scene = await openScene();
  let refused = 0;
  const handler = scene.handler({
    signInTimeout: 300_000,
    openBrowser: async (url) => {
      const { port } = new URL(new URL(url).searchParams.get('redirect_uri') ?? '');
      const flood = async (): Promise<void> => {
        while (refused < strays) {
          refused += 1;
          await sendStray(Number(port));
        }
      };
      await Promise.all(Array.from({ length: atATime }, flood));
      await signInAs(url);
    },
  });
  const { signedIn } = await handler.signIn();
  assert.ok(signedIn);
  assert.ok(refused >= strays);
});

/** A request of a web page that guesses. Resolves when it was refused. */
async function sendStray(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('utf8').on('data', (response: string) => assert.match(response, /^HTTP\/1\.1 400/));
  socket.end(`GET /?code=a&state=guess HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
  await once(socket, 'close');
}

test.run();
