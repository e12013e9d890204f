// Takes about 8 s.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene, rejection } from '../test/scene.ts';
import { untilTrue } from '../test/until-true.ts';

test('if the process that holds the lock is stopped, the error is STORE, and retryable', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no signal that stops a process');
  await using scene = await openScene({ accessTokenTtl: 1 });
  await scene.signedIn();
  const { openTokenStore } = await import('token-store-sqlite');
  using store = openTokenStore(scene.dbFilepath);
  await scene.tokenExpires(store);
  const holder = await scene.start('./hold-lock.ts', [scene.dbFilepath, 'my-app']);
  process.kill(holder.pid, 'SIGSTOP');
  // A caller waits for the lock as long as one exchange may take, and 5 s for the writes of the process that holds it.
  const handler = scene.handler({ interactive: false, requestTimeout: 300 });
  const error = await rejection(handler.getToken());
  assert.is(error.code, 'STORE');
  assert.ok(error.retryable);
  assert.match(error.message, String(holder.pid));
  holder.kill();
  await untilTrue(() => holder.ended());
  await scene.handler({ interactive: false }).getToken();
});

test.run();
