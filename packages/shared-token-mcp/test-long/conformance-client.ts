/**
 * The MCP client that the conformance suite tests: `program 1|2 SERVER_URL`, the version of the SDK first. The person at its browser
 * agrees to everything. The suite names the scenario in MCP_CONFORMANCE_SCENARIO.
 */

import { ScriptedBrowser } from 'testing-authority';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { createMcpFetch } from '../src/index.ts';
import { sdks } from '../test/sdks.ts';

const [version = '', serverUrl = ''] = process.argv.slice(2);
const { MCP_CONFORMANCE_CONTEXT = '{}', MCP_CONFORMANCE_PROTOCOL_VERSION } = process.env;
const { client_id, client_secret } = JSON.parse(MCP_CONFORMANCE_CONTEXT);
const { sdk, connect } = sdks[version as '1' | '2'];
const { fetch, shared } = createMcpFetch({
  sdk,
  serverUrl,
  store: new MemoryStore(),
  openBrowser: (url) => new ScriptedBrowser().open(url),
  // The suite's own, which it recognizes.
  clientMetadataUrl: 'https://conformance-test.local/client-metadata.json',
  clientInformation: client_id && { client_id, client_secret },
});
try {
  const client = await connect(serverUrl, fetch, MCP_CONFORMANCE_PROTOCOL_VERSION);
  await client.listTools();
  await client.callTool({ name: 'test-tool' });
  await client.close();
} finally {
  await shared.close();
}
