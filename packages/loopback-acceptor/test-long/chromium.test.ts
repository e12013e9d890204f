// Takes about 20 s.
// For the functions that run inside the page.
/// <reference lib="dom" />
import { setTimeout as delay } from 'node:timers/promises';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { within } from 'testing-authority/within';
import { chromiumPath, launchChromium } from 'testing-browsers/chromium';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AcceptorOptions, openAcceptor } from '../src/index.ts';

if (!chromiumPath)
  console.log('skipped: the page in a real browser needs chromium on PATH (Debian: apt install chromium)');
const inBrowser = chromiumPath ? test : test.skip;
let browser: Browser;
test.before(async () => {
  if (chromiumPath) browser = await launchChromium();
});
test.after(async () => {
  await browser?.close();
});

const code = 'THE-SECRET-CODE';
const hostile = `<script>document.title='hacked'</script><img src=x onerror="document.title='hacked'">\u202etxt.exe `;
const outcomes = {
  'signed in': { query: `code=${code}`, redeem: async () => 'the token', heading: 'You are signed in' },
  'passed on': { query: `code=${code}`, redeem: undefined, heading: 'Sign-in continues in the program' },
  denied: {
    query: `error=access_denied&error_description=${encodeURIComponent(hostile.padEnd(10_000, 'x'))}`,
    redeem: undefined,
    heading: 'You are not signed in',
  },
  failed: {
    query: `code=${code}`,
    redeem: () => Promise.reject(new Error(hostile)),
    heading: 'You are not signed in',
  },
};

/** Sends the browser to an acceptor with an answer. Returns the page, and all that Chromium complained about. */
async function showPage(
  context: BrowserContext,
  { query, redeem }: { query: string; redeem?: (() => Promise<unknown>) | undefined },
  options: Partial<AcceptorOptions> = {},
): Promise<{ page: Page; complaints: string[]; address: string }> {
  await using acceptor = await openAcceptor({ state: 'right', ...options });
  const outcome = redeem ? acceptor.accept(redeem) : acceptor.accept();
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText}`));
  await page.goto(`${acceptor.redirectUri}/?${query}&state=right`);
  await within(
    'the outcome',
    outcome.catch(() => {}),
    60_000,
  );
  return { page, complaints, address: `${acceptor.redirectUri}/` };
}

async function inContext(
  options: BrowserContextOptions,
  task: (context: BrowserContext) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(60_000);
  try {
    await task(context);
  } finally {
    await context.close();
  }
}

for (const [name, { query, redeem, heading }] of Object.entries(outcomes)) {
  inBrowser(`${name}: axe-core finds no flaw and nothing overflows, narrow and light or wide and dark`, async () => {
    await inContext({ deviceScaleFactor: 2 }, async (context) => {
      const { page } = await showPage(context, { query, redeem });
      assert.is(await page.getByRole('heading', { level: 1 }).textContent(), heading);
      await page.evaluate(axe.source);
      // 320 CSS pixels are a phone, or a window of 640 at 200 % (WCAG 1.4.10).
      for (const [colorScheme, width] of [
        ['light', 320],
        ['dark', 1_280],
      ] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 600 });
        assert.equal(await findFlaws(page), [], `${colorScheme}, ${width} pixels`);
      }
    });
  });

  inBrowser(
    `${name}: no script but ours runs, the policy is not violated, and the code is nowhere to be seen`,
    async () => {
      await inContext({}, async (context) => {
        const { page, complaints, address } = await showPage(context, { query, redeem });
        // Chromium asks for a favicon only after a while, if at all.
        await delay(100);
        const expected = name === 'failed' ? [/status of 500/] : [];
        assert.is(complaints.length, expected.length, complaints.join('\n'));
        assert.is(await page.title(), heading);
        assert.is(page.url(), address);
        assert.is(await page.evaluate(() => location.href), address);
        const session = await context.newCDPSession(page);
        const { entries } = await session.send('Page.getNavigationHistory');
        assert.equal(
          entries.map((entry) => entry.url),
          ['about:blank', address],
        );
        assert.not.match(await page.content(), code);
      });
    },
  );
}

inBrowser('without JavaScript the page is the same', async () => {
  await inContext({ javaScriptEnabled: false }, async (context) => {
    const { page } = await showPage(context, outcomes['signed in']);
    await page.getByText('You can close this window and go back to the program.').waitFor();
  });
});

inBrowser(
  'a page of renderPage has its inline style, runs no script of its own, and the code leaves its address too',
  async () => {
    await inContext({}, async (context) => {
      const renderPage = (): string =>
        `<!doctype html><title>Mine</title><style>h1{color:rgb(1,2,3)}</style><h1 style="margin:7px">Mine</h1><script>document.title='hacked'</script>`;
      const { page, complaints, address } = await showPage(context, outcomes['signed in'], { renderPage });
      const { color, margin } = await page.locator('h1').evaluate((element) => {
        const { color, margin } = getComputedStyle(element);
        return { color, margin };
      });
      assert.equal({ color, margin }, { color: 'rgb(1, 2, 3)', margin: '7px' });
      assert.is(await page.title(), 'Mine');
      assert.is(page.url(), address);
      assert.is(complaints.length, 1, 'the script that was not run');
    });
  },
);

for (const broken of ['<title>You are signed in', '<h1>Hello</h1><!-- ', '<textarea>', '<script>'] as const) {
  inBrowser(`the code leaves the address even if renderPage does not close an element: ${broken}`, async () => {
    await inContext({}, async (context) => {
      const { page, address } = await showPage(context, outcomes['signed in'], { renderPage: () => broken });
      assert.is(await page.evaluate(() => location.href), address);
    });
  });
}

inBrowser('the page arrives whole over a slow line, though the sockets are closed soon', async () => {
  await inContext({}, async (context) => {
    await using acceptor = await openAcceptor({ state: 'right' });
    const accepted = acceptor.accept(async () => 'the token');
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send('Network.enable');
    const slow = { offline: false, latency: 100, downloadThroughput: 4_000, uploadThroughput: 4_000 };
    await session.send('Network.emulateNetworkConditions', slow);
    const arrived = page.goto(`${acceptor.redirectUri}/?code=a&state=right`);
    await within('the redemption', accepted, 60_000);
    await within('close()', acceptor.close());
    await arrived;
    assert.is(await page.title(), 'You are signed in');
    assert.is(page.url(), `${acceptor.redirectUri}/`);
  });
});

/** What axe-core finds, or cannot decide, and whether the page has to be scrolled sideways. */
function findFlaws(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { violations, incomplete } = await (window as unknown as { axe: typeof axe }).axe.run();
    const flaws = [...violations, ...incomplete].map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`);
    const overflow = document.documentElement.scrollWidth - window.innerWidth;
    return overflow > 0 ? [...flaws, `${overflow} pixels too wide`] : flaws;
  });
}

test.run();
