import { homedir } from 'node:os';
import { join } from 'node:path';
import * as sdk from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { createMcpFetch } from 'shared-token-mcp';
import { openFileTokenStore } from 'token-store-file';

const serverUrl = new URL('https://mcp.example.com/mcp');
const { fetch, shared } = createMcpFetch({
  sdk,
  serverUrl,
  store: openFileTokenStore(join(homedir(), '.my-client', 'auth.json')),
  openBrowser: (url) => console.error(`Open ${url}`),
});
const client = new Client({ name: 'my-client', version: '1.0.0' });
// Long enough for a person who has to sign in first.
await client.connect(new StreamableHTTPClientTransport(serverUrl, { fetch }), { timeout: 200_000 });
console.log(await client.listTools()); // { tools: [ … ] }
await client.close();
await shared.close();
