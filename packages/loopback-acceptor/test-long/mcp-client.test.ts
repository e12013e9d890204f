import { ScriptedBrowser } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startMcpServer } from '../../shared-token/test-long/mcp/mcp-server.ts';
import { connect } from '../examples/mcp-client.ts';
import { within } from '../test/within.ts';

test('the MCP example signs in to a server of the SDK, which then answers', async () => {
  await using server = await startMcpServer();
  const pages: Promise<{ html: string }>[] = [];
  const client = await within(
    10_000,
    'the connection',
    connect(server.url, (url) => pages.push(new ScriptedBrowser().open(url))),
  );
  const { tools } = await client.listTools();
  assert.equal(
    tools.map(({ name }) => name),
    ['greet'],
  );
  assert.is(pages.length, 1);
  assert.match((await pages[0])?.html ?? '', 'You are signed in');
  await client.close();
});

test.run();
