import * as sdk from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { createMcpFetch } from 'shared-token-mcp';
import { dataFilepath, openTokenStore } from 'token-store-sqlite';

const serverUrl = new URL('https://mcp.example.com/mcp');
const { fetch, shared } = createMcpFetch({
  sdk,
  serverUrl,
  store: openTokenStore(dataFilepath('my-client')),
  openBrowser: (url) => console.error(`Open ${url}`),
});
const client = new Client({ name: 'my-client', version: '1.0.0' });
// Long enough for a person who has to sign in first.
await client.connect(new StreamableHTTPClientTransport(serverUrl, { fetch }), { timeout: 200_000 });
console.log(await client.listTools()); // { tools: [ … ] }
await client.close();
await shared.close();
