// Takes about 10 s.
import { openTokenStore } from 'token-store-sqlite';
import { Agent, type Dispatcher } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openScene } from '../test/scene.ts';
import { watchedStore } from '../test/watched-store.ts';

const refreshes = 200;

/** When the newest request was sent, when its response had arrived, when the write began, and when it was on disk. */
interface Times {
  sent: number;
  answered: number;
  write: number;
  written: number;
}

test('most of the time between a refresh response and the end of its durable write is the write itself', async () => {
  await using scene = await openScene();
  await scene.signedIn();
  using file = openTokenStore(scene.dbFilepath);
  const now = (): Times => ({ sent: 0, answered: 0, write: 0, written: 0 });
  let times = now();
  const dispatcher = new Agent().compose(timed((name) => (times[name] = performance.now())));
  const store = watchedStore(file, {
    write: () => (times.write = performance.now()),
    written: () => (times.written = performance.now()),
  });
  const handler = scene.handler({ store, dispatcher, interactive: false });
  const taken: Times[] = [];
  for (let count = 0; count < refreshes; count++) {
    times = now();
    await handler.getToken({ forceRefresh: true });
    taken.push(times);
  }
  await handler.close();
  await dispatcher.close();

  const exchange = spread(taken.map(({ sent, answered }) => answered - sent));
  const window = spread(taken.map(({ answered, written }) => written - answered));
  const write = spread(taken.map(({ write, written }) => written - write));
  assert.ok(write.median > 0 && window.median < 2 * write.median, `${window} to ${write} ms`);
  const exchanged = `${exchange} ms for the exchange on loopback`;
  console.log(
    `\nmeasured: from the answer to the durable write ${window} ms, the write itself ${write} ms, ${exchanged}`,
  );
});

/** Tells when a request is sent, and when its whole response has arrived. */
function timed(tell: (name: 'sent' | 'answered') => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    tell('sent');
    return dispatch(options, {
      onRequestStart: (...given) => handler.onRequestStart?.(...given),
      onResponseStart: (...given) => handler.onResponseStart?.(...given),
      onResponseData: (...given) => handler.onResponseData?.(...given),
      onResponseEnd: (...given) => {
        tell('answered');
        handler.onResponseEnd?.(...given);
      },
      onResponseError: (...given) => handler.onResponseError?.(...given),
    });
  };
}

function spread(values: number[]): { median: number; toString(): string } {
  const sorted = values.toSorted((a, b) => a - b);
  const [median = Number.NaN, longest = Number.NaN] = [sorted[sorted.length >> 1], sorted.at(-1)];
  return { median, toString: () => `${median.toFixed(1)} (at most ${longest.toFixed(1)})` };
}

test.run();
