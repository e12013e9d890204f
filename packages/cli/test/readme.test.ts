import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commonOptions, longFlag, variableOf } from '../src/settings/options.ts';

const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');

test('every common option and variable is described', () => {
  for (const option of Object.values(commonOptions)) {
    assert.match(readme, `\`${longFlag(option)}`);
    assert.match(readme, variableOf(option).replace('ONEDRIVE_TOKEN_VERBOSE', '…_VERBOSE'));
  }
});

test.run();
