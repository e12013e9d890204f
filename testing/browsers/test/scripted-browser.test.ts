import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findForms } from '../src/html-forms.ts';
import { ScriptedBrowser } from '../src/scripted-browser.ts';

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('it follows redirects with the cookies it has got, and navigates like Chromium', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/') response.setHeader('set-cookie', 'a=1; Path=/').writeHead(302, { location: '/end' }).end();
    else
      response.end(
        `${request.headers.cookie} ${request.headers['sec-fetch-mode']} ${request.headers['sec-fetch-dest']}`,
      );
  });
  const page = await new ScriptedBrowser().open(server.url);
  assert.equal(page, { status: 200, html: 'a=1 navigate document', url: `${server.url}/end` });
});

test('a form is posted with the origin of its page, or with Origin: null to another site', async () => {
  await using server = await serve(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    response.end(`${request.method} ${body} ${request.headers.origin} ${request.headers['sec-fetch-site']}`);
  });
  const fields = new URLSearchParams({ a: '1 2' });
  const same = await new ScriptedBrowser().open(server.url, { fields, from: `${server.url}/page` });
  assert.is(same.html, `POST a=1+2 ${server.url} same-origin`);
  const cross = await new ScriptedBrowser().open(server.url, { fields, from: 'http://localhost:1/' });
  assert.is(cross.html, 'POST a=1+2 null cross-site');
});

test('it gives up after 20 redirects', async () => {
  await using server = await serve((_, response) => response.writeHead(302, { location: '/' }).end());
  const error = await new ScriptedBrowser().open(server.url).then(() => undefined, String);
  assert.match(error ?? '', 'more than 20 redirects');
});

test('a browser that can reach only one origin stops at the first address of another', async () => {
  await using server = await serve((_, response) =>
    response.writeHead(302, { location: 'http://localhost:1/x' }).end(),
  );
  const page = await new ScriptedBrowser({ reaches: server.url }).open(server.url);
  assert.equal(page, { status: 0, html: '', url: 'http://localhost:1/x' });
});

test('forms are found with their fields and buttons, and entities are decoded', () => {
  const html = `<form method="post" action="/go?a=1&amp;b=2"><input name="who" value="Ada &#38; co">
    <button name="answer" value="yes">Yes</button></form><form action="/other"></form>`;
  assert.equal(findForms(html), [
    { action: '/go?a=1&b=2', fields: [['who', 'Ada & co']], buttons: [['answer', 'yes']] },
    { action: '/other', fields: [], buttons: [] },
  ]);
});

test.run();
