/**
 * One process that calls the tool of an MCP server: `node greet-process.ts JSON`. It prints `ready`, waits for the end of
 * stdin, and prints a JSON line for what it got: `{text}` or `{error}`, and `{window: true}` for each browser window.
 *
 * With `refreshes`, it first refreshes as often, and prints `{accessToken}` each time.
 * With `alone` it does what a program without shared-token does: see alone-auth-provider.ts.
 */

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { openTokenStore } from 'token-store-sqlite';
import { connect, SharedAuthProvider } from '../../examples/mcp-client.ts';
import { AloneAuthProvider } from './alone-auth-provider.ts';

export interface GreetSettings {
  readonly serverUrl: string;
  readonly file: string;
  readonly refreshes?: number;
  readonly alone?: boolean;
}

const { serverUrl, file, refreshes = 0, alone }: GreetSettings = JSON.parse(process.argv[2] ?? '');
const say = (outcome: object): void => console.log(JSON.stringify(outcome));
const openBrowser = async (url: string): Promise<unknown> => {
  say({ window: true });
  // It takes a provider along, which most processes do not need.
  const { ScriptedBrowser } = await import('testing-authority');
  return new ScriptedBrowser().open(url);
};
using store = openTokenStore(file);

async function open(): Promise<Client> {
  if (!alone) {
    const authProvider = new SharedAuthProvider({ serverUrl, store, openBrowser });
    for (let refresh = 0; refresh < refreshes; refresh++) {
      const { accessToken } = await authProvider.shared.getToken({ forceRefresh: true });
      say({ accessToken });
    }
    return connect(serverUrl, authProvider);
  }
  const client = new Client({ name: 'alone', version: '1.0.0' });
  const authProvider = new AloneAuthProvider(serverUrl, store);
  await client.connect(new StreamableHTTPClientTransport(new URL(serverUrl), { authProvider }));
  return client;
}

console.log('ready');
for await (const _ of process.stdin);
try {
  const client = await open();
  const { content } = await client.callTool({ name: 'greet' });
  say({ text: (content as { text: string }[])[0]?.text });
  await client.close();
} catch (error) {
  say({ error: (error as Error).constructor.name });
}
