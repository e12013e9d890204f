import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AcceptorOptions, openAcceptor, type PageContext } from '../src/index.ts';
import { type Sent, sendRequest } from './send-request.ts';

const hostile = `<script>alert(1)</script>"'&\u202egnp.exe ${'x'.repeat(10_000)}`;

/** Answers an acceptor and returns the page. */
async function getPage(parameters: Record<string, string>, options: Partial<AcceptorOptions> = {}): Promise<Sent> {
  await using acceptor = await openAcceptor({ state: 'right', ...options });
  acceptor.accept();
  const query = new URLSearchParams({ ...parameters, state: 'right' });
  return await sendRequest(`${acceptor.redirectUri}/?${query}`);
}

test('every response forbids storing, sniffing, framing, and passing its address on', async () => {
  await using acceptor = await openAcceptor({ state: 'right' });
  acceptor.accept();
  const responses = [
    await sendRequest(`${acceptor.redirectUri}/favicon.ico`),
    await sendRequest(acceptor.redirectUri, { method: 'OPTIONS' }),
    await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`),
  ];
  for (const { headers } of responses) {
    assert.is(headers['cache-control'], 'no-store');
    assert.is(headers['referrer-policy'], 'no-referrer');
    assert.is(headers['x-content-type-options'], 'nosniff');
    assert.is(headers.connection, 'close');
    const policy = headers['content-security-policy'] as string;
    for (const rule of ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]) {
      assert.ok(policy.split('; ').includes(rule), `${rule} in ${policy}`);
    }
  }
});

test('the policy allows the page’s own style and script by their hashes, and no other', async () => {
  const { headers, text } = await getPage({ code: 'a' });
  const hash = (element: string): string => {
    const [, source = ''] = new RegExp(`<${element}>([\\s\\S]*?)</${element}>`).exec(text) ?? [];
    assert.ok(source.length > 10);
    return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
  };
  const policy = headers['content-security-policy'] as string;
  assert.match(policy, `style-src ${hash('style')};`);
  assert.match(policy, `script-src ${hash('script')};`);
  assert.not.match(policy, 'unsafe');
});

test('the page is HTML and loads nothing', async () => {
  const { headers, text } = await getPage({ code: 'a' });
  assert.is(headers['content-type'], 'text/html; charset=utf-8');
  assert.match(text, /^<!doctype html>\n<html lang="en">/);
  assert.not.match(text, /https?:|src=|url\(|@import/);
  assert.equal(
    [...text.matchAll(/href="([^"]*)"/g)].map(([, href]) => href),
    ['data:,'],
  );
});

test('a hostile description stays text, does not reverse the text around it, and is shortened', async () => {
  const { text } = await getPage({ error: hostile, error_description: hostile });
  assert.is(text.match(/<script>/g)?.length, 1, 'only the page’s own');
  assert.match(text, '&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp; gnp.exe xxx');
  assert.not.match(text, '\u202e');
  assert.ok(text.length < 5_000);
});

test('neither code nor state is in the page', async () => {
  const page = await getPage({ code: 'secret-code' }, { state: 'right' });
  assert.not.match(JSON.stringify(page), /secret-code/);
  assert.not.match(page.text, />right</);
});

test('renderPage makes the page, and the code still leaves the address bar', async () => {
  const { headers, text } = await getPage({ code: 'a' }, { renderPage: () => '<!doctype html><title>Mine</title>' });
  assert.match(text, '<title>Mine</title>');
  assert.match(text, '<script>history.replaceState');
  const policy = headers['content-security-policy'] as string;
  assert.match(policy, "style-src 'unsafe-inline'");
  assert.not.match(policy, /script-src [^;]*unsafe/);
});

for (const [start, rest] of [
  ['', 'You are signed in'],
  ['', '<header><h1>Mine</h1></header>'],
  ['', '<!-- a comment without an end'],
  ['<!doctype html>', '<title>Mine</title>'],
  ['<!doctype html>', '\n<html lang="de">\n<head>\n<title>Mein</title>\n</head>'],
  ['\n<!-- <p> --> <!-- 2 -->\n<!DOCTYPE html>', '<html data-a="a>b"><title>Mine</title>'],
] as const) {
  test(`a page of renderPage gets the script and an empty icon after its doctype: ${start}…`, async () => {
    const { text } = await getPage({ code: 'a' }, { renderPage: () => start + rest });
    const script = "<script>history.replaceState(null,'',location.origin+location.pathname)</script>";
    assert.is(text, `${start}${script}<link rel="icon" href="data:,">${rest}`);
  });
}

test('renderPage gets the provider’s texts as they were sent, and can escape them', async () => {
  const pages: PageContext[] = [];
  const renderPage = (page: PageContext): string => {
    pages.push(page);
    return page.escape(page.description ?? '');
  };
  await getPage({ code: 'a' }, { renderPage });
  const { text } = await getPage({ error: 'a<b', error_description: hostile }, { renderPage });
  const [accepted, denied] = pages;
  assert.equal({ ...accepted, escape: 0 }, { outcome: 'accepted', redeemed: false, escape: 0 });
  assert.equal(
    { ...denied, escape: 0 },
    { outcome: 'denied', redeemed: false, error: 'a<b', description: hostile, escape: 0 },
  );
  assert.match(text, /&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39;&amp;\ufffdgnp\.exe x{10000}$/);
});

test('renderPage may escape a text that is missing', async () => {
  const { text } = await getPage({ code: 'a' }, { renderPage: (page) => `<h1>Own</h1>[${page.escape(page.error)}]` });
  assert.match(text, '<h1>Own</h1>[]');
});

test('if renderPage throws or returns no string, the sign-in succeeds and the built-in page is shown', async () => {
  const faulty = [
    () => {
      throw new Error('a mistake');
    },
    () => 5,
    async () => '<p>late</p>',
    async () => {
      throw new Error('a mistake');
    },
  ];
  for (const renderPage of faulty as unknown as (() => string)[]) {
    await using acceptor = await openAcceptor({ state: 'right', renderPage });
    const redeemed = acceptor.accept(async ({ code }) => code);
    const { text } = await sendRequest(`${acceptor.redirectUri}/?code=a&state=right`);
    assert.is(await redeemed, 'a');
    assert.match(text, '<h1>You are signed in</h1>');
    assert.not.match(text, 'a mistake');
  }
});

test.run();
