import { globSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readManifest, readText, root } from '../src/repository.ts';

test('the reference has every entry that a package exports', () => {
  const exported = globSync('packages/*', { cwd: root }).flatMap((folder) =>
    Object.values(readManifest(folder).exports ?? {}).flatMap((target) => {
      const source = typeof target === 'object' && target.default.replace('./dist/', '/src/').replace('.js', '.ts');
      return source ? [`../../${folder.replaceAll('\\', '/')}${source}`] : [];
    }),
  );
  const { entryPoints } = JSON.parse(readText('testing/docs/typedoc.json'));
  assert.equal(entryPoints.toSorted(), exported.toSorted());
});

test.run();
