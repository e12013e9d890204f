import { readFileSync } from 'node:fs';
import { ScriptedBrowser } from 'testing-authority';
import { startNode } from 'testing-authority/node-process';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openMcpScene } from './mcp-scene.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [, sample = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];

test('the sample is examples/list-tools.ts, which is compiled, and it is complete within 35 lines', () => {
  assert.is(sample, readFileSync(new URL('../examples/list-tools.ts', import.meta.url), 'utf8'));
  assert.ok(readme.split('\n').indexOf('await shared.close();') < 35);
});

/** As the README says, for version 2. */
const version2 = sample
  .replace('@modelcontextprotocol/sdk/client/auth.js', '@modelcontextprotocol/client')
  .replace('@modelcontextprotocol/sdk/client/index.js', '@modelcontextprotocol/client')
  .replace('@modelcontextprotocol/sdk/client/streamableHttp.js', '@modelcontextprotocol/client');

for (const [version, text, runs] of [
  [1, sample, [1, 0]],
  [2, version2, [1]],
] as const) {
  const next = runs.length > 1 ? ', and needs no person the next time' : '';
  test(`the sample signs in and lists the tools with version ${version}${next}`, async () => {
    await using scene = await openMcpScene();
    const directory = temporaryDirectory();
    const program = text
      .replace('https://mcp.example.com/mcp', scene.server.url)
      .replace('homedir()', () => JSON.stringify(directory));
    const args = ['--input-type=module-typescript', '--eval', program];
    const cwd = new URL('..', import.meta.url);
    for (const windows of runs) {
      const sample = await startNode(args, { until: windows > 0 ? 'Open ' : '', cwd });
      const [, url] = /^Open (\S+)\n/.exec(sample.warned()) ?? [];
      if (url) await new ScriptedBrowser().open(url);
      assert.is(await sample.untilEnded(), 0, sample.warned());
      assert.match(sample.said(), "name: 'greet'");
      assert.is(sample.warned().split('Open ').length - 1, windows);
    }
  });
}

test.run();
