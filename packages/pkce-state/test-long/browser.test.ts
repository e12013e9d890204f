// Takes about 2 s.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import { chromiumPath, launchChromium } from 'testing-browsers/chromium';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

if (!chromiumPath)
  console.log('skipped: pkce-state in a browser needs chromium on PATH (Debian: apt install chromium)');
const inBrowser = chromiumPath ? test : test.skip;

inBrowser('the source runs in Chromium unchanged, but for its types', async () => {
  const source = stripTypeScriptTypes(readFileSync(new URL('../src/index.ts', import.meta.url), 'utf8'));
  const server = createServer((request, response) => {
    const isScript = request.url === '/pkce-state.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? source : '<!doctype html><title>pkce-state</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    const result = await page.evaluate(`import('/pkce-state.js').then(async (it) => ({
      state: it.createState(),
      pkce: await it.createPkce(),
      appendixB: await it.createChallenge('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'),
      same: [it.isSameState('a', 'a'), it.isSameState('a', 'b')],
    }))`);
    const { state, pkce, appendixB, same } = result as Record<'state' | 'appendixB', string> & {
      pkce: Record<string, string>;
      same: boolean[];
    };
    assert.match(state, /^[\w-]{43}$/);
    assert.match(pkce.verifier ?? '', /^[\w-]{43}$/);
    assert.is(appendixB, 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
    assert.equal(same, [true, false]);
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
  }
});

test.run();
