import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { ScriptedBrowser } from 'testing-authority';
import { listen } from 'testing-authority/listen';
import { MemoryStore } from '../../shared-token/test/memory-store.ts';
import { createMcpFetch } from '../src/index.ts';
import { sdks } from '../test/sdks.ts';

export interface ConformanceClient extends Disposable {
  /** The command that the suite runs in a shell as a client with this version of the SDK. It adds the URL of its server. */
  command(version: 1 | 2): string;
}

/**
 * Starts the MCP client that the conformance suite tests. Its command only tells this process of a scenario: the start of a client takes
 * longer than most scenarios.
 */
export async function startConformanceClient(): Promise<ConformanceClient> {
  const server = createServer(async (request, response) => {
    const { url, headers } = request;
    try {
      await runScenario(url === '/1' ? '1' : '2', await text(request), headers);
    } catch (error) {
      response.statusCode = 500;
      response.write((error as Error).stack);
    }
    response.end();
  });
  const port = await listen(server);
  const told = '-H "context: $MCP_CONFORMANCE_CONTEXT" -H "protocol: $MCP_CONFORMANCE_PROTOCOL_VERSION"';
  return {
    command: (version) => `curl -sS --fail-with-body http://127.0.0.1:${port}/${version} ${told} --data-raw`,
    [Symbol.dispose]: () => void server.close(),
  };
}

/** The person at the browser agrees to everything. */
async function runScenario(
  version: '1' | '2',
  serverUrl: string,
  { context, protocol }: NodeJS.Dict<string | string[]>,
): Promise<void> {
  const { client_id, client_secret } = JSON.parse(`${context ?? '{}'}`);
  const { sdk, connect } = sdks[version];
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
    const client = await connect(serverUrl, fetch, protocol && `${protocol}`);
    await client.listTools();
    await client.callTool({ name: 'test-tool' });
    await client.close();
  } finally {
    await shared.close();
  }
}
