import { setTimeout as sleep } from 'node:timers/promises';
import { until } from 'testing-authority/until';
import { rejection } from 'testing-authority/within';
import * as assert from 'uvu/assert';
import type { SignIn, TokenResponse } from '../src/index.ts';
import { type Scene, test } from './scene.ts';

/** A browser's page that shows what became of the exchange. */
class Page {
  shows = 'waiting';

  /** A signIn that exchanges a code, as the loopback redirect of a browser does. As with `fetch`, the signal ends the exchange. */
  signIn(exchange: () => Promise<TokenResponse>): SignIn {
    return async ({ redeem, signal }) => {
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => reject(signal.reason));
      try {
        const response = await redeem(() => Promise.race([exchange(), aborted]));
        this.shows = 'signed in';
        return response;
      } catch (error) {
        this.shows = 'failed';
        throw error;
      }
    };
  }
}

test('a signIn whose callers still wait after the exchange is not asked to stop', async (scene) => {
  let isStopped: boolean | undefined;
  const signIn: SignIn = async ({ redeem, signal }) => {
    const response = await redeem(scene.provider.signIn);
    isStopped = signal.aborted;
    return response;
  };
  await scene.open({ signIn }).signIn();
  assert.is(isStopped, false);
});

test('a signIn whose callers left during the exchange is asked to stop after it', async (scene) => {
  const exchange = Promise.withResolvers<void>();
  let isStopped = false;
  const signIn: SignIn = async ({ redeem, signal }) => {
    const response = await redeem(() => exchange.promise.then(scene.provider.signIn));
    isStopped = signal.aborted;
    await until(() => signal.aborted);
    return response;
  };
  const shared = scene.open({ signIn });
  const call = rejection(shared.signIn());
  await scene.until('sign-in-started');
  const closing = shared.close();
  assert.is((await call).code, 'CLOSED');
  exchange.resolve();
  await closing;
  assert.ok(scene.store.records.has('my-app'));
  assert.ok(isStopped);
});

test('the page says failed if the exchange fails, and the caller gets that error', async (scene) => {
  const page = new Page();
  const failure = new Error('the code was used twice');
  assert.is(await rejection(scene.open({ signIn: page.signIn(() => Promise.reject(failure)) }).getToken()), failure);
  assert.is(page.shows, 'failed');
});

test('after an exchange that failed, what signIn throws or resolves with counts', async (scene) => {
  const failure = new Error('signed in nowhere');
  for (const end of [() => Promise.reject(failure), scene.provider.signIn]) {
    const signIn: SignIn = async ({ redeem }) => {
      await redeem(() => Promise.reject(new Error('the code was used twice'))).catch(() => {});
      return end();
    };
    const call = scene.open({ signIn }).getToken();
    if (end === scene.provider.signIn) assert.is((await call).accessToken, scene.record.accessToken);
    else assert.is(await rejection(call), failure);
  }
});

test('the page says failed if the tokens cannot be used', async (scene) => {
  const page = new Page();
  const signIn = page.signIn(async () => ({ access_token: '', refresh_token: 'r' }));
  assert.is((await rejection(scene.open({ signIn }).getToken())).code, 'RESPONSE');
  assert.is(page.shows, 'failed');
});

test('the page says failed after a sign-out during the exchange, and nothing is stored', async (scene) => {
  const page = new Page();
  const answer = Promise.withResolvers<TokenResponse>();
  const shared = scene.open({ signIn: page.signIn(() => answer.promise) });
  const call = rejection(shared.getToken());
  await scene.until('sign-in-started');
  await shared.signOut();
  answer.resolve(await scene.provider.signIn());
  assert.equal([(await call).code, (await call).reason], ['SIGN_IN_REQUIRED', 'signed-out']);
  await until(() => page.shows === 'failed');
  assert.is(scene.store.records.size, 0);
});

test('redeem resolves once the tokens are stored', async (scene) => {
  let stored: string | undefined;
  const signIn: SignIn = async ({ redeem }) => {
    const response = await redeem(scene.provider.signIn);
    stored = scene.record.accessToken;
    return response;
  };
  assert.is((await scene.open({ signIn }).getToken()).accessToken, stored);
  assert.is(scene.count('signed-in'), 1);
});

/** A sign-in that has stored its tokens, and goes on until `end` is called. */
async function signInThatGoesOn(scene: Scene) {
  const { promise, resolve: end } = Promise.withResolvers<void>();
  const signIn: SignIn = async ({ redeem }) => {
    const response = await redeem(scene.provider.signIn);
    await promise;
    return response;
  };
  const shared = scene.open({ signIn });
  const call = shared.getToken();
  await scene.until('signed-in');
  return { shared, call, end };
}

test('a token that was refreshed before signIn ended stays in memory', async (scene) => {
  const { shared, call, end } = await signInThatGoesOn(scene);
  const refreshed = await shared.getToken({ forceRefresh: true });
  end();
  assert.equal(await call, refreshed);
  assert.equal(shared.peek(), refreshed);
});

test('a token that was rejected before signIn ended is given to no later call', async (scene) => {
  scene.provider.extra = { refresh_token: undefined };
  const { shared, call, end } = await signInThatGoesOn(scene);
  const { accessToken } = scene.record;
  const forced = shared.getToken({ forceRefresh: true });
  await until(() => scene.record.refusedAt !== undefined);
  const next = shared.getToken();
  end();
  assert.is.not((await forced).accessToken, accessToken);
  await call;
  assert.equal(await next, await forced);
});

test('signIn() asks anew while the page of a sign-in is still shown whose tokens are stored', async (scene) => {
  const { shared, call, end } = await signInThatGoesOn(scene);
  const again = shared.signIn();
  end();
  assert.is.not((await again).accessToken, (await call).accessToken);
});

test('a sign-out before signIn ends wins over the tokens that it has stored', async (scene) => {
  const { shared, call, end } = await signInThatGoesOn(scene);
  await shared.signOut();
  end();
  assert.is((await rejection(call)).reason, 'signed-out');
});

test('a signIn that ends after close() brings no token back into memory', async (scene) => {
  const { shared, call, end } = await signInThatGoesOn(scene);
  const closed = shared.close();
  end();
  assert.is((await rejection(call)).code, 'CLOSED');
  await closed;
  assert.is(shared.peek(), undefined);
});

test('signIn may resolve with something else than redeem did: what was redeemed counts', async (scene) => {
  const signIn: SignIn = async ({ redeem }) => {
    await redeem(scene.provider.signIn);
    return { access_token: 'something else' };
  };
  assert.is((await scene.open({ signIn }).getToken()).accessToken, scene.record.accessToken);
});

test('a signIn that fails after a successful exchange does not cost the sign-in', async (scene) => {
  const signIn: SignIn = async ({ redeem }) => {
    await redeem(scene.provider.signIn);
    throw new Error('the page could not be shown');
  };
  assert.is((await scene.open({ signIn }).getToken()).accessToken, scene.record.accessToken);
});

test('redeem called twice exchanges once', async (scene) => {
  let exchanges = 0;
  const exchange = (): Promise<TokenResponse> => {
    exchanges++;
    return scene.provider.signIn();
  };
  const signIn: SignIn = async ({ redeem }) => {
    const [response] = await Promise.all([redeem(exchange), redeem(exchange)]);
    return response;
  };
  await scene.open({ signIn }).getToken();
  assert.is(exchanges, 1);
});

test('the exchange is not given up when signInTimeout ends', async (scene) => {
  const page = new Page();
  const exchange = async (): Promise<TokenResponse> => {
    await sleep(300);
    return scene.provider.signIn();
  };
  const { accessToken } = await scene.open({ signIn: page.signIn(exchange), signInTimeout: 100 }).getToken();
  assert.is(accessToken, scene.record.accessToken);
  assert.is(page.shows, 'signed in');
});

test('the exchange is not given up when its only caller aborts: its tokens are stored', async (scene) => {
  const page = new Page();
  const answer = Promise.withResolvers<TokenResponse>();
  const shared = scene.open({ signIn: page.signIn(() => answer.promise) });
  const abort = new AbortController();
  const call = rejection(shared.getToken({ signal: abort.signal }));
  await scene.until('sign-in-started');
  const reason = new Error('enough');
  abort.abort(reason);
  assert.is(await call, reason);
  answer.resolve(await scene.provider.signIn());
  await until(() => page.shows === 'signed in');
  assert.is((await shared.getToken()).accessToken, scene.record.accessToken);
});

test('the exchange is not given up by close(), which waits for it', async (scene) => {
  const page = new Page();
  const answer = Promise.withResolvers<TokenResponse>();
  const shared = scene.open({ signIn: page.signIn(() => answer.promise) });
  const call = rejection(shared.getToken());
  await scene.until('sign-in-started');
  const closed = shared.close();
  assert.is((await call).code, 'CLOSED');
  answer.resolve(await scene.provider.signIn());
  await closed;
  assert.equal([page.shows, shared.peek()], ['signed in', undefined]);
  assert.ok(scene.provider.accepts(scene.record.refreshToken));
});

test('an exchange that never settles is given up a second after refreshTimeout', async (scene) => {
  const page = new Page();
  const shared = scene.open({ signIn: page.signIn(() => new Promise(() => {})), refreshTimeout: 100 });
  const started = performance.now();
  assert.is((await rejection(shared.getToken(), 3_000)).code, 'SIGN_IN_TIMEOUT');
  assert.ok(performance.now() - started >= 1_050);
});

test('a signIn that does not end after the exchange does not cost the sign-in, and is told to stop', async (scene) => {
  let told: AbortSignal | undefined;
  const signIn: SignIn = async ({ redeem, signal }) => {
    told = signal;
    await redeem(scene.provider.signIn);
    return new Promise(() => {});
  };
  const { accessToken } = await scene.open({ signIn, refreshTimeout: 50 }).getToken();
  assert.is(accessToken, scene.record.accessToken);
  assert.ok(told?.aborted);
});

test('a signIn that does not end after an exchange that failed does not hide what went wrong', async (scene) => {
  const signIn: SignIn = async ({ redeem }) => {
    await redeem(async () => ({ access_token: '' })).catch(() => {});
    return new Promise(() => {});
  };
  assert.is((await rejection(scene.open({ signIn, refreshTimeout: 50 }).getToken(), 3_000)).code, 'RESPONSE');
});

for (const [what, options, signIn] of [
  ['the exchange', { refreshTimeout: 50 }, (exchange) => new Page().signIn(exchange)],
  ['the person', { signInTimeout: 1_000 }, (exchange) => () => sleep(900).then(exchange)],
] satisfies [string, object, (exchange: () => Promise<TokenResponse>) => SignIn][]) {
  test(`a sign-in is not given up because the store takes longer than was left for ${what}`, async (scene) => {
    const { begun, goOn } = scene.store.holdWrites();
    const call = scene.open({ signIn: signIn(scene.provider.signIn), ...options }).signIn();
    await begun;
    await sleep(1_200);
    goOn();
    assert.is((await call).accessToken, scene.record.accessToken);
  });
}

test.run();
