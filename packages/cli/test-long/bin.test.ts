import { openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('a process of the command shows what most tests see by calling it: status, stdout and stderr', async () => {
  await using scene = await openSignedInScene();
  const { home } = scene;
  const stdin = '{}';
  for (const [expected, ...args] of [
    [0],
    [0, 'status', '--json'],
    [0, 'api', '/me'],
    [2, 'login', '--no-such-option'],
    [0, 'api', '/me', '-d', '-'],
    [3, 'whoami', '--app', 'other'],
    [6, 'api', '/me', '--graph', 'http://127.0.0.1:9/v1.0'],
  ] as const) {
    const ended = await home.run(args, { stdin });
    assert.is(ended.status, expected, `${args}: ${ended.stderr}`);
    assert.equal(await home.call(args, { stdin }), ended);
  }
});

test.run();
