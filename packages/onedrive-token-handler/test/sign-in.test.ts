import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedirectUrlError } from 'loopback-acceptor';
import { ScriptedBrowser, signInAs, signInElsewhere } from 'testing-authority';
import { inherited } from 'testing-authority/node-process';
import { until } from 'testing-authority/until';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { OneDriveTokenError, OneDriveTokenHandler, TokenEvent } from '../src/index.ts';
import { failure, openScene, rejection } from './scene.ts';

test('the request has PKCE, state and form_post, and only the event with the URL shows them', async () => {
  await using scene = await openScene();
  await scene.signedIn({ scopes: ['Files.Read', 'openid', 'profile'] });
  const [url = ''] = scene.windows;
  const query = new URL(url).searchParams;
  assert.is(query.get('code_challenge_method'), 'S256');
  assert.match(query.get('code_challenge') ?? '', /^[\w-]{43}$/);
  assert.match(query.get('state') ?? '', /^[\w-]{43}$/);
  assert.is(query.get('response_mode'), 'form_post');
  assert.is(query.get('scope'), 'Files.Read openid profile offline_access');
  assert.match(query.get('redirect_uri') ?? '', /^http:\/\/localhost:\d{4,5}$/);
  const others = scene.events.filter(({ type }) => type !== 'authorization-url');
  assert.not.match(JSON.stringify(others), query.get('state') ?? '-');
});

test('an event says how a person is asked, why, and until when', async () => {
  await using scene = await openScene();
  const startedAt = Date.now();
  await scene.handler({ signInTimeout: 60_000 }).getToken();
  const event = scene.events.find(({ type }) => type === 'sign-in-started');
  if (event?.type !== 'sign-in-started') throw new Error('no such event');
  assert.equal([event.method, event.reason], ['browser', 'not-signed-in']);
  assert.ok(event.expiresAt >= startedAt + 59_999 && event.expiresAt <= Date.now() + 60_001);
});

test('responseMode query, prompt and loginHint reach the provider', async () => {
  await using scene = await openScene();
  await scene.handler({ responseMode: 'query' }).signIn({ prompt: 'select_account', loginHint: 'ada@example.com' });
  const query = new URL(scene.windows[0] ?? '').searchParams;
  assert.is(query.get('response_mode'), 'query');
  assert.is(query.get('prompt'), 'select_account');
  assert.is(query.get('login_hint'), 'ada@example.com');
});

test('status() has the account, the granted scopes and the times, and sends no request', async () => {
  await using scene = await openScene();
  const handler = scene.handler({ scopes: ['Files.Read', 'openid', 'profile'] });
  const before = await handler.status();
  assert.equal(before, { signedIn: false, appName: 'my-app', scopes: [] });
  const status = await handler.signIn({ loginHint: 'ada@example.com' });
  assert.is(status.account?.username, 'ada@example.com');
  assert.ok(status.account?.id);
  assert.ok(status.scopes.includes('Files.Read'));
  const requests = scene.authority.requests.length;
  assert.equal(await scene.handler().status(), status);
  assert.is(scene.authority.requests.length, requests);
  assert.ok((status.accessTokenExpiresAt ?? 0) > Date.now());
  assert.ok(Math.abs((status.refreshedAt ?? 0) - Date.now()) < 30_000);
});

for (const [error, code] of [
  ['access_denied', 'SIGN_IN_DENIED'],
  ['server_error', 'SERVER'],
  ['temporarily_unavailable', 'SERVER'],
  ['unauthorized_client', 'CONFIGURATION'],
  ['invalid_scope', 'CONFIGURATION'],
  ['interaction_required', 'CONFIGURATION'],
] as const) {
  test(`a redirect with ${error} is the error ${code}`, async () => {
    await using scene = await openScene();
    const openBrowser = (url: string): Promise<unknown> => {
      const { searchParams } = new URL(url);
      const answer = new URLSearchParams({ error, state: searchParams.get('state') ?? '' });
      return new ScriptedBrowser().open(`${searchParams.get('redirect_uri')}/?${answer}`);
    };
    const refusal = await rejection(scene.handler({ openBrowser }).getToken());
    assert.is(refusal.code, code);
    assert.is(refusal.error, error);
    assert.is(refusal.retryable, code === 'SERVER');
  });
}

test('if a redirect has an error number of Microsoft, the message says what to do', async () => {
  await using scene = await openScene();
  const readRedirectUrl = async (url: string): Promise<string> => {
    const state = new URL(url).searchParams.get('state') ?? '';
    const error_description = "AADSTS50011: The redirect URI 'http://localhost:1' does not match.";
    return `http://localhost/?${new URLSearchParams({ error: 'invalid_request', error_description, state })}`;
  };
  const error = await rejection(scene.handler().signIn({ method: 'paste', readRedirectUrl }));
  assert.is(error.code, 'CONFIGURATION');
  assert.equal(error.errorCodes, [50011]);
  assert.match(error.message, 'Mobile and desktop applications');
});

for (const [method, options] of [
  ['browser', {}],
  ['device', { onDeviceCode: () => {} }],
  ['paste', { readRedirectUrl: () => new Promise<string>(() => {}) }],
] as const) {
  test(`a sign-in by ${method} that nobody finishes is SIGN_IN_TIMEOUT, for the caller and in the event`, async () => {
    await using scene = await openScene();
    const handler = scene.handler({ openBrowser: () => {}, signInTimeout: 300 });
    const { code, problem, remedy } = await rejection(handler.signIn({ method, ...options }));
    assert.is(code, 'SIGN_IN_TIMEOUT');
    assert.equal([problem, remedy], ['The sign-in was not finished within 0.3 s', 'Sign in again']);
    const failed = scene.events.find((event) => event.type === 'sign-in-failed');
    assert.is(failed?.type === 'sign-in-failed' && (failed.error as OneDriveTokenError).code, code);
  });
}

test('if the browser does not start, an event says so, and the sign-in goes on waiting', async () => {
  await using scene = await openScene();
  const handler = scene.handler({
    openBrowser: (url) => {
      void signInAs(url);
      throw new Error('no browser');
    },
  });
  await handler.getToken();
  const failed = scene.events.find((event) => event.type === 'browser-failed');
  assert.is(failed?.type === 'browser-failed' && failed.error.message, 'no browser');
});

test('if the browser does not start and no listener shows the address, the sign-in ends in CONFIGURATION at once', async () => {
  await using scene = await openScene();
  const openBrowser = (): never => {
    throw new Error('no browser');
  };
  const { code, message } = await rejection(scene.handler({ openBrowser, onEvent: undefined }).getToken());
  assert.is(code, 'CONFIGURATION');
  assert.match(message, /no browser/);
  assert.match(message, /method: 'paste', readRedirectUrl .* onDeviceCode .* 'authorization-url'/);
});

test('the page says that the sign-in worked only after the code was redeemed', async () => {
  await using scene = await openScene();
  let html = '';
  const browse = async (url: string): Promise<void> => {
    html = (await signInAs(url)).html;
  };
  const seen: Promise<void>[] = [];
  const openBrowser = (url: string): void => void seen.push(browse(url));
  scene.authority.fail('token', { type: 'oauth', error: 'invalid_grant', description: 'AADSTS70000: <b>spent</b>' });
  await rejection(scene.handler({ openBrowser }).getToken());
  await Promise.all(seen);
  assert.match(html, /spent/);
  assert.not.match(html, /<b>spent/);
  await scene.handler({ openBrowser }).getToken();
  await Promise.all(seen);
  assert.not.match(html, /spent/);
});

for (const [what, end] of [
  ['the caller aborts', ({ abort }) => abort()],
  ['the handler is closed', ({ handler }) => void handler.close()],
  ['the browser ends with an error', ({ browserFails }) => browserFails()],
] as [string, (how: { abort(): void; handler: OneDriveTokenHandler; browserFails(): void }) => void][]) {
  test(`if ${what} while the code is exchanged, the page still says that the person is signed in`, async () => {
    await using scene = await openScene();
    const exchange = Promise.withResolvers<void>();
    scene.authority.fail('token', { type: 'held', until: exchange.promise });
    const browser = Promise.withResolvers<void>();
    let page: ReturnType<typeof signInAs> | undefined;
    const openBrowser = (url: string): Promise<void> => {
      page = signInAs(url);
      return browser.promise;
    };
    const handler = scene.handler({ openBrowser, onEvent: undefined });
    const abort = new AbortController();
    const signIn = handler.signIn({ signal: abort.signal }).catch(() => {});
    await until(() => scene.authority.count('token') === 1);
    end({ abort: () => abort.abort(), handler, browserFails: () => browser.reject(new Error('status 1')) });
    await sleep(50);
    exchange.resolve();
    assert.match((await page)?.html ?? '', 'You are signed in');
    await signIn;
    assert.ok((await scene.handler().status()).signedIn);
  });
}

test('a browser that ends with an error after the sign-in is not one that did not start', async () => {
  await using scene = await openScene();
  const browser = Promise.withResolvers<void>();
  const openBrowser = (url: string): Promise<void> => {
    void signInAs(url);
    return browser.promise;
  };
  await scene.handler({ openBrowser }).signIn();
  browser.reject(new Error('status 1'));
  await sleep(50);
  assert.not(scene.events.some(({ type }) => type === 'browser-failed'));
});

test('calls of signIn() that ask for nothing special share one window, and others have one of their own', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  await Promise.all([handler.signIn(), handler.signIn({ method: 'browser' })]);
  assert.is(scene.windows.length, 1);
  await Promise.all([
    handler.signIn(),
    handler.signIn({ loginHint: 'ada@example.com' }),
    handler.signIn({ prompt: 'login' }),
  ]);
  assert.is(scene.windows.length, 4);
});

test('after a wrong paste the user is asked again, three times in all', async () => {
  await using scene = await openScene();
  const pasted = ['', 'http://localhost/?code=a&state=wrong', 'http://localhost/?code=a&code=b&state=c'];
  let asked = 0;
  const error = await rejection(
    scene.handler().signIn({ method: 'paste', readRedirectUrl: async () => pasted[asked++] as string }),
  );
  assert.is(error.code, 'RESPONSE');
  assert.is(asked, 3);
  assert.is(scene.events.filter(({ type }) => type === 'paste-refused').length, 2);
});

test('while the browser is awaited here, the address that one elsewhere ended on can be delivered', async () => {
  await using scene = await openScene();
  const refusals: unknown[] = [];
  const onEvent = async (event: TokenEvent): Promise<void> => {
    if (event.type !== 'authorization-url') return;
    try {
      event.deliver?.('http://localhost/?code=a&state=wrong');
    } catch (error) {
      refusals.push(error);
    }
    event.deliver?.(await signInElsewhere(event.url));
  };
  const handler = scene.handler({ openBrowser: () => {}, responseMode: 'query', onEvent });
  assert.ok((await handler.signIn()).signedIn);
  assert.instance(refusals[0], RedirectUrlError);
});

test('an aborted sign-in by paste rejects with the reason, and the next sign-in does not wait for it', async () => {
  await using scene = await openScene();
  const abort = new AbortController();
  let asked = false;
  const readRedirectUrl = (): Promise<string> => {
    asked = true;
    return new Promise(() => {});
  };
  const signIn = failure(scene.handler().signIn({ method: 'paste', readRedirectUrl, signal: abort.signal }));
  await until(() => asked);
  abort.abort(new Error('enough'));
  assert.is((await signIn).message, 'enough');
  assert.ok(await scene.handler({ signInTimeout: 5_000 }).getToken());
});

for (const [method, event] of [
  ['paste', 'sign-in-started'],
  ['browser', 'authorization-url'],
] as const) {
  test(`a sign-in by ${method} that is aborted at the event ${event} asks for nothing`, async () => {
    await using scene = await openScene();
    const abort = new AbortController();
    let asked = 0;
    const ask = async (): Promise<string> => String(++asked);
    const onEvent = ({ type }: TokenEvent): void => {
      if (type === event) abort.abort(new Error('enough'));
    };
    const handler = scene.handler({ onEvent, openBrowser: ask });
    const signIn = handler.signIn({ method, readRedirectUrl: ask, signal: abort.signal });
    assert.is((await failure(signIn)).message, 'enough');
    // Waits for what is under way.
    await handler.close();
    assert.is(asked, 0);
  });
}

test('a wrong option of signIn() is a TypeError that names it', async () => {
  await using scene = await openScene();
  const handler = scene.handler();
  for (const [name, options] of [
    ['method', { method: 'carrier pigeon' }],
    ['prompt', { prompt: 'none' }],
    ['login_hint', { login_hint: 'ada@example.com' }],
    ['loginHint', { loginHint: 5 }],
    ['signal', { signal: new AbortController() }],
    ['onDeviceCode', { method: 'device' }],
    ['readRedirectUrl', { method: 'paste' }],
  ] as const) {
    const error = await handler.signIn(options as never).catch((reason: unknown) => reason);
    assert.instance(error, TypeError);
    assert.match((error as Error).message, name);
  }
});

/** Arguments of `unshare`. They run the command that follows them in a network without a loopback address. */
const inLonelyNetwork = [
  '--net',
  'sh',
  '-c',
  'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && ip link set lo up && ip address del 127.0.0.1/8 dev lo && exec "$0" "$@"',
];
const isPossible = spawnSync('unshare', [...inLonelyNetwork, 'true'], { stdio: 'ignore' }).status === 0;
if (!isPossible)
  console.log('skipped: a network without loopback needs Linux, root and iproute2 (Debian: apt install iproute2)');
const withoutLoopback = isPossible ? test : test.skip;

withoutLoopback('if no port can be listened on, no browser opens, and the sign-in ends in NETWORK', async () => {
  await using scene = await openScene();
  const code = `
    const { OneDriveTokenHandler } = await import(${JSON.stringify(import.meta.resolve('../src/index.ts'))});
    const openBrowser = () => console.log('a browser opened');
    await using handler = new OneDriveTokenHandler({ ...${scene.optionsFor()}, openBrowser });
    await handler.signIn().catch((error) => console.log(error.code, error.retryable, error.message, error.cause.code));`;
  const args = [...inLonelyNetwork, process.execPath, '--input-type=module', '-e', code];
  const { stdout, stderr } = spawnSync('unshare', args, { env: inherited, encoding: 'utf8', timeout: 20_000 });
  assert.is(stderr, '');
  assert.match(stdout, /^NETWORK true The browser's answer could not be received: .+ ACCEPTOR_LISTEN\n$/);
});

test.run();
