import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commonOptions } from '../src/settings/common-options.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

test('every common option and variable is described', () => {
  for (const { flag, env } of commonOptions) {
    assert.match(readme, `\`${flag}`);
    assert.match(readme, env.replace('ONEDRIVE_TOKEN_VERBOSE', '…_VERBOSE'));
  }
});

test.run();
