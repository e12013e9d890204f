import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ScriptedBrowser } from 'testing-authority';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { until } from 'testing-authority/until';
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
    for (const windows of runs) {
      const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
        cwd: new URL('..', import.meta.url),
        env: { ...process.env, NODE_COMPILE_CACHE: process.env.TEST_COMPILE_CACHE },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 30_000,
      });
      const seen = { output: '', errors: '', windows: 0, status: undefined as number | null | undefined };
      child.stdout.setEncoding('utf8').on('data', (part: string) => {
        seen.output += part;
      });
      child.stderr.setEncoding('utf8').on('data', (part: string) => {
        seen.errors += part;
        const [, url] = /^Open (\S+)\n/.exec(part) ?? [];
        if (url) seen.windows++;
        if (url) void new ScriptedBrowser().open(url);
      });
      child.on('close', (status) => {
        seen.status = status;
      });
      await until(() => seen.status !== undefined, 30_000);
      assert.is(seen.status, 0, seen.errors);
      assert.match(seen.output, "name: 'greet'");
      assert.is(seen.windows, windows);
    }
  });
}

test.run();
