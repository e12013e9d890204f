import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { findUnlocked, findWrongLicences } from '../dependencies.ts';

const lockfile = (entry: string): string => `lockfileVersion: '9.0'

packages:

  good@1.0.0:
    resolution: {integrity: sha512-abc/+==}
    engines: {node: '>=18'}

${entry}
snapshots:

  good@1.0.0: {}
`;

test('packages of the registry with a checksum are fine', () => {
  assert.equal(findUnlocked(lockfile('')), []);
});

for (const [what, resolution] of [
  ['from an address', '{tarball: https://example.com/bad.tgz, integrity: sha512-abc==}'],
  ['from a Git repository', '{commit: 0123, repo: https://example.com/bad.git, type: git}'],
  ['with a weak checksum', '{integrity: sha1-abc=}'],
] as const) {
  test(`a package ${what} is reported`, () => {
    const found = findUnlocked(lockfile(`  'bad@2.0.0':\n    resolution: ${resolution}\n`));
    assert.is(found.length, 1);
    assert.match(found[0] ?? '', "'bad@2.0.0'");
  });
}

test('a lockfile in which nothing is found is reported, not passed', () => {
  assert.is(findUnlocked('').length, 1);
});

test('a licence that is not allowed, and none at all, are reported with both packages', () => {
  const good = { name: 'good', licenses: [{ license: { id: 'MIT' } }] };
  const copyleft = { name: 'copyleft', licenses: [{ license: { id: 'AGPL-3.0-only' } }] };
  assert.equal(findWrongLicences('ours', { components: [good, copyleft, { name: 'unknown' }] }), [
    'ours brings copyleft, whose licence is AGPL-3.0-only',
    'ours brings unknown, whose licence is not stated',
  ]);
});

test.run();
