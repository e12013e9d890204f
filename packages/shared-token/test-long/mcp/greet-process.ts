/**
 * One process that calls the tool of an MCP server. It prints `ready`. For each line of JSON on stdin it prints a JSON line for what it
 * got, `{text}` or `{error}`, and `{window: true}` for each browser window, and then `done`.
 *
 * With `refreshes`, it first refreshes as often, and prints `{accessToken}` each time.
 */
import { createInterface } from 'node:readline';
import { openTokenStore } from 'token-store-sqlite';
import { connect, SharedAuthProvider } from '../../examples/mcp-client.ts';

export interface GreetSettings {
  readonly serverUrl: string;
  readonly file: string;
  readonly refreshes?: number;
}

const say = (outcome: object): void => console.log(JSON.stringify(outcome));
const openBrowser = async (url: string): Promise<unknown> => {
  say({ window: true });
  // It takes a provider along, which most processes do not need.
  const { ScriptedBrowser } = await import('testing-authority');
  return new ScriptedBrowser().open(url);
};

async function greet({ serverUrl, file, refreshes = 0 }: GreetSettings): Promise<void> {
  using store = openTokenStore(file);
  try {
    const authProvider = new SharedAuthProvider({ serverUrl, store, openBrowser });
    for (let refresh = 0; refresh < refreshes; refresh++) {
      const { accessToken } = await authProvider.shared.getToken({ forceRefresh: true });
      say({ accessToken });
    }
    const client = await connect(serverUrl, authProvider);
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
