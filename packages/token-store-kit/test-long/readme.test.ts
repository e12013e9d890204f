import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { contractSample, newProject, node, processSample, root, storeSample } from '../test/project.ts';

const require = createRequire(import.meta.url);

test('the samples compile', () => {
  const directory = newProject({
    'memory-store.ts': storeSample,
    'contract.test.ts': contractSample,
    'process-contract.test.ts': processSample,
    'tsconfig.json': JSON.stringify({
      extends: join(root, '../../tsconfig.base.json'),
      compilerOptions: { noEmit: true },
      include: ['*.ts'],
    }),
  });
  const { stdout, status } = node(
    directory,
    join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'),
    '-p',
    '.',
  );
  assert.is(status, 0, stdout);
});

test.run();
