/** Gives MCP clients a `fetch` whose sign-in all processes share. */

export { createMcpFetch } from './create-mcp-fetch.ts';
export type { Challenge, McpSdk, ServerMetadata } from './mcp-sdk.ts';
export type { ClientInformation, McpFetchOptions } from './options.ts';
