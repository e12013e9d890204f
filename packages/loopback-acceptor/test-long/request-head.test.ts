import http from 'node:http';
import net from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseHead, type RequestHead } from '../src/http/request-head.ts';
import { within } from '../test/within.ts';
import { inParallel } from './in-parallel.ts';
import { createRandom, createRequest } from './random-requests.ts';

/** A head as node:http parses it. */
interface Parsed {
  method: string;
  target: string;
  headers: [string, string][];
}

test('every head that is parsed here is parsed by node:http too, with the same result', async () => {
  let parsed: Parsed | undefined;
  await using server = await showParsed((shown) => {
    parsed ??= shown;
  });
  const random = createRandom(7);
  let compared = 0;
  // One at a time, so that each result belongs to its request.
  await inParallel(1, 10_000, async () => {
    const [head = ''] = createRequest(random, `localhost:${server.port}`).split('\r\n\r\n');
    const ours = parseHead(head);
    if (!ours || !isShown(ours)) return;
    compared++;
    parsed = undefined;
    await exchange(server.port, `${head}\r\n\r\n`);
    const { method, target, headers } = ours;
    assert.equal(parsed, { method, target, headers: [...headers] }, JSON.stringify(head));
  });
  console.log(`${compared} heads compared`);
  assert.ok(compared > 2_000);
});

/** Whether node:http passes the request on. It also checks the target and the length, which are checked later here. */
function isShown({ method, target, headers }: RequestHead): boolean {
  const length = headers.get('content-length');
  return (
    http.METHODS.includes(method) &&
    method !== 'CONNECT' &&
    target.startsWith('/') &&
    !headers.has('transfer-encoding') &&
    (length === undefined || /^\d{1,15}$/.test(length))
  );
}

async function showParsed(show: (parsed: Parsed) => void): Promise<{ port: number } & AsyncDisposable> {
  const onRequest: http.RequestListener = ({ method = '', url = '', rawHeaders }, response) => {
    const headers = new Map<string, string>();
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]?.toLowerCase() ?? '';
      const value = rawHeaders[index + 1] ?? '';
      headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
    }
    show({ method, target: url, headers: [...headers] });
    response.end();
  };
  const server = http.createServer({ requireHostHeader: false, maxHeaderSize: 100_000 }, onRequest);
  // Without these listeners, node:http would answer such requests itself.
  server.on('checkContinue', onRequest).on('checkExpectation', onRequest);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function exchange(port: number, bytes: string): Promise<void> {
  const exchanged = new Promise<void>((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end(bytes, 'latin1'));
    socket.resume();
    socket.on('error', reject).on('close', () => resolve());
  });
  return within(30_000, 'the end of a connection', exchanged);
}

test.run();
