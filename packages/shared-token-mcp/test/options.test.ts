import { rejection } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { createMcpFetch, type McpFetchOptions } from '../src/index.ts';
import { sdks } from './sdks.ts';

function create(changes: Record<string, unknown>): ReturnType<typeof createMcpFetch> {
  const options = { sdk: sdks[1].sdk, serverUrl: 'https://mcp.example', store: new MemoryStore(), openBrowser() {} };
  return createMcpFetch({ ...options, ...changes } as McpFetchOptions);
}

const unusable: [Record<string, unknown>, RegExp][] = [
  [{ sdk: undefined }, /^sdk.auth must be a function, not undefined$/],
  [{ serverUrl: 'mcp.example' }, /^serverUrl must be an https address/],
  [{ serverUrl: 'http://mcp.example' }, /^serverUrl must be an https address/],
  [{ serverUrl: 'ftp://localhost' }, /^serverUrl must be an https address/],
  [{ serverUrl: 'https://ada:secret@mcp.example' }, /^serverUrl must be an https address.* without a password$/],
  [{ store: {} }, /^store must have a method get\(\)$/],
  [{ openBrowser: 'firefox' }, /^openBrowser must be a function, not string$/],
  [{ fetch: 1 }, /^fetch must be a function, not number$/],
  [{ interactive: 'no' }, /^interactive must be a boolean, not string$/],
  [{ maxStepUps: -1 }, /^maxStepUps must be an integer of at least 0, not -1$/],
  [{ maxStepUps: 1.5 }, /^maxStepUps must be an integer of at least 0, not 1.5$/],
  [{ clientInformation: {} }, /^clientInformation\.client_id must be a string, not undefined$/],
  [{ clientMetadata: { redirect_uris: ['https://app.example'] } }, /^clientMetadata\.redirect_uris must begin with/],
  [{ clientMetadata: { redirect_uris: ['http://localhost:99999'] } }, /^clientMetadata\.redirect_uris must begin with/],
  [{ onEvent: 1 }, /^onEvent must be a function/],
  [{ authProvider: {} }, /^unknown option "authProvider"$/],
];

for (const [changes, message] of unusable) {
  test(`${JSON.stringify(changes)} is refused at once`, () => {
    assert.throws(
      () => create(changes),
      (error: Error) => /^(Type|Range)Error$/.test(error.name) && message.test(error.message),
    );
  });
}

test('http is allowed on a loopback host, and undefined is the default', () => {
  for (const host of ['localhost:1', '127.0.0.1:1', '[::1]:1']) create({ serverUrl: `http://${host}/mcp` });
  create({ serverUrl: new URL('https://mcp.example/'), maxStepUps: undefined, clientInformation: undefined });
});

test('a secret in the query of serverUrl is in no message and no name of a record, and tells one sign-in from another', async () => {
  const names = new Set<string>();
  for (const query of ['?key=secret-of-ada', '?key=secret-of-bob', '']) {
    const { shared } = create({ serverUrl: `https://mcp.example/mcp${query}`, interactive: false });
    const { message } = await rejection(shared.getToken());
    assert.match(message, '"https://mcp.example/mcp');
    assert.not.match(message, 'secret');
    names.add(message);
  }
  assert.is(names.size, 3);
});

test.run();
