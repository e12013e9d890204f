import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { runIn } from 'testing-authority/project';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../test/process-stores/free-ports.ts';
import { contractSample, processSample, projectWith, root, storeSample } from '../test/project.ts';

const require = createRequire(import.meta.url);

test('the samples compile', async () => {
  const directory = projectWith({
    'memory-store.ts': storeSample,
    'contract.test.ts': contractSample,
    'process-contract.test.ts': processSample,
    'tsconfig.json': JSON.stringify({
      extends: join(root, '../../tsconfig.base.json'),
      compilerOptions: { noEmit: true },
      include: ['*.ts'],
    }),
  });
  const { stdout, status } = await runIn(directory, [
    join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'),
    '-p',
    '.',
  ]);
  assert.is(status, 0, stdout);
});

test('a store passes the second part of the contract, in as many cases as the sample says', async () => {
  const opener = `
    import { mkdirSync } from 'node:fs';
    import { PortStore } from ${JSON.stringify(new URL('../test/process-stores/port-store.ts', import.meta.url))};
    export const open = (place) => {
      mkdirSync(place, { recursive: true });
      return new PortStore(place, ${JSON.stringify(await freePorts())});
    };`;
  const { stdout, status } = await runIn(
    projectWith({ 'contract.test.ts': processSample, 'open-store.ts': opener }),
    'contract.test.ts',
  );
  assert.is(status, 0, stdout);
  // On Windows no process is stopped.
  if (process.platform !== 'win32') assert.match(stdout, /\/\/ (ℹ pass \d+)/.exec(processSample)?.[1] ?? 'none');
});

test.run();
