/**
 * One process of an MCP client. A line of JSON on stdin says what it opens, then it prints `ready`. At each line `go` it calls a tool,
 * and prints what came of it, then `done`. It prints `window` when it opens its browser, in which the person agrees.
 */
import { createInterface } from 'node:readline';
import { ScriptedBrowser } from 'testing-authority';
import { openTokenStore } from 'token-store-sqlite';
import { createMcpFetch } from '../src/index.ts';
import { sdks, type TestClient } from '../test/sdks.ts';

export interface ClientSettings {
  readonly version: '1' | '2';
  readonly serverUrl: string;
  readonly file: string;
  readonly tool: string;
}

const openBrowser = (url: string): unknown => {
  console.log('window');
  return new ScriptedBrowser().open(url);
};

let client: TestClient | undefined;

/** Returns what calls the tool, with one connection. */
function open({ version, serverUrl, file, tool }: ClientSettings): () => Promise<unknown> {
  const { sdk, connect } = sdks[version];
  const { fetch } = createMcpFetch({ sdk, serverUrl, store: openTokenStore(file), openBrowser });
  return async () => {
    client ??= await connect(serverUrl, fetch);
    const { content } = await client.callTool({ name: tool });
    return (content as { text: string }[])[0]?.text;
  };
}

let call = async (): Promise<unknown> => 'nothing is open';
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'go') {
    console.log(await call().catch(String));
    console.log('done');
  } else {
    await client?.close();
    client = undefined;
    call = open(JSON.parse(line));
    console.log('ready');
  }
}
