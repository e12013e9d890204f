// Takes about 75 s.
/**
 * Sign-ins in the engines of the browsers that users have, from an https site to the acceptor. ENGINE_PICTURES=FOLDER keeps the
 * pictures of the pages, for looking at.
 */
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { createState } from 'pkce-state';
import { listen, stop } from 'testing-authority/listen';
import { rejection, within } from 'testing-authority/within';
import { stepTimeoutMs, textOf, waitUntil } from 'testing-browsers/browser-window';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openAcceptor } from '../src/index.ts';
import { type Engine, engines, type WatchedWindow } from './engines.ts';
import { serveHostilePage } from './hostile-page.ts';
import { authorizationUrl, openProviderSite, type ProviderSite, signIn } from './provider-site.ts';

for (const engine of engines) testEngine(engine);

function testEngine({ name, missing, open, close, looksForIcons }: Engine): void {
  if (missing) console.log(`skipped: sign-ins in ${name} need packages of Debian (apt install ${missing})`);
  // A suite for each engine, because a start takes seconds, and so that only one of these browsers is open at a time.
  const test = suite(name);
  const inEngine = missing ? test.skip : test;
  let site: ProviderSite;
  let window: WatchedWindow;
  test.before(async () => {
    if (missing) return;
    site = await openProviderSite();
    window = await open(site.host);
  });
  test.after(async () => {
    if (window) await close(window);
    await site?.[Symbol.asyncDispose]();
  });

  for (const mode of ['form_post', 'query'] as const) {
    inEngine(
      `a user signs in at an https site, which answers by ${mode}, and no code is left in the browser`,
      async () => {
        const state = createState();
        await using acceptor = await openAcceptor({ state, timeout: stepTimeoutMs });
        const codes: string[] = [];
        const redeemed = acceptor.accept(async ({ code }) => codes.push(code));
        const url = await authorizationUrl(site, { redirectUri: acceptor.redirectUri, state, mode });
        await signIn(window, url);
        await redeemed;
        await seePage(window, { heading: 'You are signed in', address: `${acceptor.redirectUri}/` });
        await keepPicture(window, `${name} ${mode}`);
        const [code = 'none'] = codes;
        await assertNotRemembered(window, code, { address: `${acceptor.redirectUri}/`, mode });
      },
    );
  }

  inEngine('a user who presses Cancel sees that the sign-in was not made, and the program is told why', async () => {
    const state = createState();
    await using acceptor = await openAcceptor({ state, timeout: stepTimeoutMs });
    const outcome = rejection(acceptor.accept(), stepTimeoutMs);
    const url = await authorizationUrl(site, { redirectUri: acceptor.redirectUri, state, mode: 'form_post' });
    await signIn(window, url, 'cancel');
    assert.is(((await outcome) as { error?: string }).error, 'access_denied');
    await seePage(window, { heading: 'You are not signed in', address: `${acceptor.redirectUri}/` });
    await keepPicture(window, `${name} denied`);
  });

  for (const [by, host] of [
    ['script', 'localhost'],
    ['button', 'localhost'],
    ['script', '127.0.0.1'],
  ] as const) {
    inEngine(`a form of an https site, sent by a ${by}, arrives at ${host} without a warning`, async () => {
      await using acceptor = await openAcceptor({ state: 'right', host, path: '/callback', timeout: stepTimeoutMs });
      const redeemed = acceptor.accept(async ({ code }) => code);
      await window.open(site.show({ redirectUri: acceptor.redirectUri, fields: { code: 'a', state: 'right' }, by }));
      if (by === 'button') await window.click('button');
      assert.is(await redeemed, 'a');
      await seePage(window, { heading: 'You are signed in', address: acceptor.redirectUri });
    });
  }

  inEngine('the headers of the form are those that the acceptor expects', async () => {
    await using recorder = await record();
    const redirectUri = `${recorder.origin}/callback`;
    await window.open(site.show({ redirectUri, fields: { code: 'a' }, by: 'script' }));
    const { method, headers } = await recorder.first();
    assert.is(method, 'POST');
    const { host, origin, referer, 'content-type': type, 'content-length': length } = headers;
    assert.equal(
      { host, origin, referer, type, length },
      {
        host: new URL(recorder.origin).host,
        origin: 'null',
        referer: undefined,
        type: 'application/x-www-form-urlencoded',
        length: '6',
      },
    );
    const { 'sec-fetch-dest': dest, 'sec-fetch-mode': mode, 'sec-fetch-site': from } = headers;
    assert.equal({ dest, mode, from }, { dest: 'document', mode: 'navigate', from: 'cross-site' });
    assert.match(headers.accept ?? '', 'text/html');
    // Firefox never tells the end of a navigation that begins while a page whose connection was closed is still loading.
    await waitUntil('the page', async () => (await window.evaluate('document.title')) === 'Got it');
  });

  inEngine('no part of a hostile page is the answer, even if it knows the state', async () => {
    await using acceptor = await openAcceptor({ state: 'right', timeout: stepTimeoutMs });
    const redeemed = acceptor.accept(async ({ code }) => code);
    await using attacker = await serveHostilePage(acceptor.redirectUri);
    await window.open(attacker.url);
    await waitUntil(
      'the end of all that the page loads',
      async () => (await window.evaluate('document.title')) === 'done',
    );
    await window.open(`${acceptor.redirectUri}/?code=person&state=right`);
    assert.is(await redeemed, 'person');
  });

  inEngine('a page of renderPage, with or without an icon, violates no policy', async () => {
    const { messages } = window;
    // WebKit tells the driver nothing of its console: see engine-settings.test.ts.
    if (!messages) return;
    for (const icon of ['', '<link rel="icon" href="data:,">']) {
      const renderPage = (): string =>
        `<!doctype html><title>Mine</title>${icon}<style>h1{color:green}</style><h1>Mine</h1>`;
      await using acceptor = await openAcceptor({ state: 'right', timeout: stepTimeoutMs, renderPage });
      const redeemed = acceptor.accept(async () => 1);
      // Chromium does not name the page of a message, so that only new ones count. Firefox does, and forgets old ones.
      const old = looksForIcons ? 0 : (await messages.call(window)).length;
      await window.open(`${acceptor.redirectUri}/?code=a&state=right`);
      await redeemed;
      // A page that the policy does not fit: what the browser says of it comes after all that it says of the page before.
      await using control = await record({ 'content-security-policy': "default-src 'none'" });
      await window.open(control.origin);
      const last = looksForIcons ? `${control.origin}/favicon.ico` : 'inline script';
      const said = await waitUntil('a message about the second page', async () => {
        const all = (await messages.call(window)).slice(old);
        return all.some((message) => message.includes(last)) && all;
      });
      const violations = said.filter((message) => /content.security.policy/i.test(message));
      assert.ok(violations.length > 0);
      assert.equal(
        violations.filter((message) => message.includes(acceptor.redirectUri)),
        [],
      );
      if (!looksForIcons) assert.is(violations.length, 1, violations.join('\n'));
    }
  });

  test.run();
}

async function seePage(
  window: WatchedWindow,
  { heading, address }: { heading: string; address: string },
): Promise<void> {
  await waitUntil(`the page "${heading}"`, async () => (await textOf(window)).includes(heading));
  assert.is(await window.evaluate('document.readyState'), 'complete');
  assert.is(await window.address(), address);
}

/** Neither the window's history nor that of the browser has the code. */
async function assertNotRemembered(
  window: WatchedWindow,
  code: string,
  { address, mode }: { address: string; mode: 'form_post' | 'query' },
): Promise<void> {
  assert.ok(code.length > 20, 'there was a code');
  const history = await window.history?.();
  if (history) {
    assert.is(history.at(-1), address);
    assert.not.match(history.join('\n'), code);
  }
  // The page cannot change what a browser records of visited addresses, but a form is not recorded.
  const visited = await window.visited?.();
  if (visited) assert.is(visited.join('\n').includes(code), mode === 'query');
  assert.not.match(String(await window.evaluate('document.documentElement.outerHTML')), code);
}

async function keepPicture(window: WatchedWindow, name: string): Promise<void> {
  const picture = await window.takePicture();
  assert.is(picture.subarray(1, 4).toString(), 'PNG');
  const { ENGINE_PICTURES: folder } = process.env;
  if (folder) writeFileSync(join(folder, `${name.replaceAll(/\W+/g, '-')}.png`), picture);
}

/** A server at the place of the acceptor that keeps the first request. */
async function record(headers: Record<string, string> = {}): Promise<
  {
    origin: string;
    first(): Promise<{ method: string | undefined; headers: IncomingHttpHeaders }>;
  } & AsyncDisposable
> {
  const first = Promise.withResolvers<{ method: string | undefined; headers: IncomingHttpHeaders }>();
  const server = createServer((request, response) => {
    first.resolve({ method: request.method, headers: request.headers });
    response
      .writeHead(200, { 'content-type': 'text/html', ...headers })
      .end('<!doctype html><title>Got it</title><script>1</script>');
  });
  return {
    origin: `http://localhost:${await listen(server)}`,
    first: () => within('a request', first.promise, stepTimeoutMs),
    [Symbol.asyncDispose]: () => stop(server),
  };
}
