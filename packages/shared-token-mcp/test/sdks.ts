import * as sdk2 from '@modelcontextprotocol/client';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import * as sdk1 from '@modelcontextprotocol/sdk/client/auth.js';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { McpSdk } from '../src/index.ts';

/** What both versions of an MCP client can do. */
export interface TestClient {
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(call: { name: string; arguments?: Record<string, unknown> }): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export interface Sdk {
  readonly name: string;
  readonly sdk: McpSdk;
  /** `protocol`: the revision that the server wants. Default: that of the stateful handshake. */
  connect(url: string, fetch: typeof globalThis.fetch, protocol?: string): Promise<TestClient>;
}

const info = { name: 'a-client', version: '1.0.0' };

/** By version. */
export const sdks: Readonly<Record<'1' | '2', Sdk>> = {
  1: {
    name: '@modelcontextprotocol/sdk 1',
    sdk: sdk1,
    async connect(url, fetch) {
      const client = new Client1(info);
      await client.connect(new Transport1(new URL(url), { fetch }));
      return client;
    },
  },
  2: {
    name: '@modelcontextprotocol/client 2',
    sdk: sdk2,
    async connect(url, fetch, protocol = '') {
      const isModern = protocol >= '2026-07-28';
      const client = new Client2(info, isModern ? { versionNegotiation: { mode: { pin: protocol } } } : {});
      await client.connect(new Transport2(new URL(url), { fetch }));
      return client;
    },
  },
};
