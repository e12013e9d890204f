import { createServer } from 'node:http';
import { listen, stop } from 'testing-authority/listen';

/**
 * Serves a web page that sends the answer of an attacker to the acceptor, in every way in which a page can load something without
 * leaving. Its title becomes `done` when each has ended. The worst case: it knows the state.
 */
export async function serveHostilePage(redirectUri: string): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end(hostilePage(redirectUri));
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}/`,
    [Symbol.asyncDispose]: () => stop(server),
  };
}

function hostilePage(redirectUri: string): string {
  return `<!doctype html>
<meta charset="utf-8">
<title>attacking</title>
<body>
<iframe name="frame"></iframe>
<form method="post" action="${redirectUri}" target="frame">
<input type="hidden" name="code" value="attacker"><input type="hidden" name="state" value="right">
</form>
<script>
const address = '${redirectUri}/?code=attacker&state=right';
const form = () => new URLSearchParams({ code: 'attacker', state: 'right' });
const ends = [];
function element(name, attributes, parent = document.body) {
  const made = Object.assign(document.createElement(name), attributes);
  ends.push(new Promise((resolve) => { made.onload = made.onerror = resolve; }));
  parent.append(made);
}
element('img', { src: address });
element('script', { src: address });
element('link', { rel: 'stylesheet', href: address }, document.head);
element('iframe', { src: address });
element('object', { data: address });
element('embed', { src: address });
element('video', { src: address });
element('audio', { src: address });
for (const rel of ['prefetch', 'manifest', 'icon']) document.head.append(Object.assign(document.createElement('link'), { rel, href: address }));
document.body.style.background = 'url(' + JSON.stringify(address) + ')';
ends.push(
  fetch(address, { mode: 'no-cors' }),
  fetch(address, { mode: 'no-cors', method: 'OPTIONS' }),
  fetch(address),
  fetch('${redirectUri}', { mode: 'no-cors', method: 'POST', body: form() }),
  fetch('${redirectUri}', { method: 'POST', headers: { 'x-preflight': '1' }, body: form() }),
  new Promise((resolve) => { new EventSource(address).onerror = resolve; }),
  new Promise((resolve) => { new WebSocket(address.replace('http', 'ws')).onclose = resolve; }),
  new Promise((resolve) => { const worker = new XMLHttpRequest(); worker.onloadend = resolve; worker.open('GET', address); worker.send(); }),
);
navigator.sendBeacon('${redirectUri}', form());
document.forms[0].submit();
ends.push(new Promise((resolve) => { frames.frame.frameElement.onload = resolve; }));
// An element that its browser does not load has no end.
const patience = new Promise((resolve) => setTimeout(resolve, 3000));
Promise.race([Promise.allSettled(ends), patience]).then(() => { document.title = 'done'; });
</script>
`;
}
