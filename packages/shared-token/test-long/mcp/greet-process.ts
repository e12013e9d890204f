/**
 * One process that calls the tool of an MCP server. It prints `ready`. For each line of JSON on stdin it prints a JSON line for what it
 * got, `{text}` or `{error}`, and `{window: true}` for each browser window, and then `done`.
 *
 * With `refreshes`, it first refreshes as often, and prints `{accessToken}` each time.
 * With `alone` it does what a program without shared-token does: see alone-auth-provider.ts.
 */
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { openTokenStore, type SqliteTokenStore } from 'token-store-sqlite';
import { connect, SharedAuthProvider } from '../../examples/mcp-client.ts';
import { AloneAuthProvider } from './alone-auth-provider.ts';

export interface GreetSettings {
  readonly serverUrl: string;
  readonly file: string;
  readonly refreshes?: number;
  readonly alone?: boolean;
}

const say = (outcome: object): void => console.log(JSON.stringify(outcome));
const openBrowser = async (url: string): Promise<unknown> => {
  say({ window: true });
  // It takes a provider along, which most processes do not need.
  const { ScriptedBrowser } = await import('testing-authority');
  return new ScriptedBrowser().open(url);
};

async function open({ serverUrl, refreshes = 0, alone }: GreetSettings, store: SqliteTokenStore): Promise<Client> {
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

async function greet(settings: GreetSettings): Promise<void> {
  using store = openTokenStore(settings.file);
  try {
    const client = await open(settings, store);
    const { content } = await client.callTool({ name: 'greet' });
    say({ text: (content as { text: string }[])[0]?.text });
    await client.close();
  } catch (error) {
    say({ error: (error as Error).constructor.name });
  }
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  await greet(JSON.parse(line));
  console.log('done');
}
