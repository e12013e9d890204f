import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('the example of the README runs and prints what it says', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];
  const args = ['--input-type=module-typescript', '-e', example];
  assert.is(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 }).trim(), '43');
});

test.run();
