// Takes about 35 s.
/** Settings of browsers in which a sign-in goes another way, and what a console says that only the browser itself can show. */
import { createServer } from 'node:http';
import { createState } from 'pkce-state';
import { listen, stop } from 'testing-authority/listen';
import { stepTimeoutMs, textOf, waitUntil } from 'testing-browsers/browser-window';
import { type FirefoxWindow, firefoxPath, openFirefox } from 'testing-browsers/firefox';
import { watchWebKitConsole, webKitPath } from 'testing-browsers/webkit';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Acceptor, openAcceptor } from '../src/index.ts';
import { authorizationUrl, openProviderSite, type ProviderSite, signIn } from './provider-site.ts';

if (!firefoxPath) console.log('skipped: settings of Firefox need it (Debian: apt install firefox-esr)');
if (!webKitPath) console.log('skipped: the console of WebKit needs it (Debian: apt install webkit2gtk-driver xvfb)');
const inFirefox = firefoxPath ? test : test.skip;
const inWebKit = webKitPath ? test : test.skip;
const site: ProviderSite = await openProviderSite();
test.after(async () => {
  await site[Symbol.asyncDispose]();
});

inFirefox(
  'Firefox trusts the authority of the provider’s certificate if it is imported, and shows no warning',
  async () => {
    await using window = await openFirefox({ acceptInsecureCerts: false });
    const der = site.tls.ca.replaceAll(/-----.*-----|\n/g, '');
    await window.evaluateInBrowser(
      `Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB).addCertFromBase64('${der}', 'C,,') && true`,
    );
    await using started = await start(window, 'form_post');
    assert.ok(await started.redeemed);
  },
);

const asksFirst = () => ({
  'network.lna.address_space.public.override': site.host,
  'network.lna.allow_top_level_navigation': false,
  // Otherwise the buttons of the prompt do nothing at first, so that the user does not press them by accident.
  'security.notification_enable_delay': 0,
});

// One Firefox for the tests of its guard, because a start takes most of the time.
let guarding: FirefoxWindow | undefined;
test.after(async () => {
  await guarding?.[Symbol.asyncDispose]();
});

async function openGuarding(): Promise<FirefoxWindow> {
  guarding ??= await openFirefox();
  await guarding.renew(asksFirst());
  return guarding;
}

for (const mode of ['form_post', 'query'] as const) {
  inFirefox(`Firefox that guards local addresses asks before it sends the ${mode} answer; Allow signs in`, async () => {
    const window = await openGuarding();
    await using started = await start(window, mode);
    await answerPrompt(window, 'button');
    assert.ok(await started.redeemed);
    await waitUntil('the page', async () => (await textOf(window)).includes('You are signed in'));
    assert.is(await window.address(), `${started.acceptor.redirectUri}/`);
  });

  inFirefox(
    `Firefox that guards local addresses sends nothing by ${mode} after Block, and the wait goes on`,
    async () => {
      const window = await openGuarding();
      await using started = await start(window, mode);
      await answerPrompt(window, 'secondaryButton');
      // The form leaves a blank page, the redirect leaves the page before it.
      const [where, shown] =
        mode === 'form_post' ? [/oauth2\/v2\.0\/authorize/, /^$/] : [/signin/, /needs your permission/];
      await waitUntil('the page that is left', async () => shown.test((await textOf(window)).trim()));
      assert.match(await window.address(), where);
      // An address that the user opens is not guarded: it would be received if the wait were over.
      await window.open(`${started.acceptor.redirectUri}/?code=typed&state=${started.state}`);
      assert.is(await started.redeemed, 'typed');
    },
  );
}

inWebKit('the console of WebKit says nothing about a page of renderPage without an icon', async () => {
  const control = createServer((_, response) => {
    const headers = { 'content-type': 'text/html', 'content-security-policy': "default-src 'none'" };
    response.writeHead(200, headers).end('<!doctype html><title>A page whose policy forbids its icon</title>');
  });
  const next = `http://localhost:${await listen(control)}/`;
  try {
    await using acceptor = await openAcceptor({
      state: 'right',
      timeout: stepTimeoutMs,
      // Leads on to the second page when this one is complete.
      renderPage: () => `<!doctype html><title>Mine</title><meta http-equiv="refresh" content="1;url=${next}">`,
    });
    const redeemed = acceptor.accept(async () => 1);
    await using browser = await watchWebKitConsole(`${acceptor.redirectUri}/?code=a&state=right`);
    await redeemed;
    // Whole lines: the last one may have arrived in part.
    const lines = (): string[] => browser.messages().split('\n').slice(0, -1);
    await waitUntil('what the console says of the second page', async () =>
      lines().some((line) => line.includes(`Refused to load ${next}favicon.ico`)),
    );
    assert.not.match(browser.messages(), acceptor.redirectUri);
    assert.is(browser.messages().match(/Content Security Policy/g)?.length, 1, browser.messages());
  } finally {
    await stop(control);
  }
});

interface Started extends AsyncDisposable {
  readonly acceptor: Acceptor;
  readonly state: string;
  /** The code that the acceptor got. */
  readonly redeemed: Promise<string>;
}

/** Signs in, up to the moment in which the provider sends the browser to the acceptor. */
async function start(window: FirefoxWindow, mode: 'form_post' | 'query'): Promise<Started> {
  const state = createState();
  const acceptor = await openAcceptor({ state, timeout: 3 * stepTimeoutMs });
  const redeemed = acceptor.accept(async ({ code }) => code);
  await signIn(window, await authorizationUrl(site, { redirectUri: acceptor.redirectUri, state, mode }));
  return { acceptor, state, redeemed, [Symbol.asyncDispose]: () => acceptor.close() };
}

/** Presses Allow (`button`) or Block (`secondaryButton`) in the prompt, and waits until it is closed. */
async function answerPrompt(window: FirefoxWindow, button: 'button' | 'secondaryButton'): Promise<void> {
  const prompt = 'PopupNotifications.panel.firstElementChild';
  await waitUntil('the prompt about this device', async () =>
    /^loopback-network/.test(String(await window.evaluateInBrowser(`${prompt}?.${button} ? ${prompt}.id : ''`))),
  );
  await waitUntil('the end of the prompt', async () => {
    await window.evaluateInBrowser(`${prompt}?.${button}.click()`);
    return (await window.evaluateInBrowser('PopupNotifications.panel.state')) === 'closed';
  });
}

test.run();
