import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packAll } from '../src/packed-package.ts';
import { reachFiles } from '../src/reachable-files.ts';

const root = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'tarballs-'));
// At the exit of the process, because packing may fail before any test runs.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** Packages without better-sqlite3 and undici also run on an older Node. */
const needsNewNode = /^onedrive-|^token-store-(sqlite|postgres)$/;

/** Files that every package needs, even if no other file refers to them. */
const wanted = ['package.json', 'README.md', 'LICENSE'];
const welcome = [...wanted, 'CHANGELOG.md'];

for (const packed of await packAll(folder)) {
  const { name, ...manifest } = packed.manifest;
  const reached = reachFiles(packed);

  test(`${name}: every file that another one refers to is in its tarball`, () => {
    assert.equal(reached.dangling, []);
    assert.equal(
      wanted.filter((file) => !packed.files.has(file)),
      [],
    );
  });

  test(`${name}: no other file is in its tarball`, () => {
    // tsc writes a declaration for every source file, also if no declaration of an entry imports it.
    // A declaration in src/ has the types of a dependency without types.
    const isDeclaration = /^dist\/.*\.d\.ts(\.map)?$|^src\/.*\.d\.ts$/;
    const superfluous = [...packed.files].filter(
      (file) => !reached.files.has(file) && !welcome.includes(file) && !isDeclaration.test(file),
    );
    assert.equal(superfluous.sort(), []);
  });

  test(`${name}: its manifest has the fields that npm and users need`, () => {
    assert.is(manifest.type, 'module');
    assert.is(manifest.license, 'MIT');
    assert.equal(manifest.engines, needsNewNode.test(name) ? engines : { node: '>=22.12' });
    assert.is(manifest.sideEffects, false);
    assert.equal(manifest.publishConfig, { access: 'public', provenance: true });
    assert.ok(manifest.description && Array.isArray(manifest.keywords) && manifest.bugs && manifest.homepage);
    const { directory } = manifest.repository as { directory: string };
    assert.is(JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8')).name, name);
    const dependencies = JSON.stringify(manifest.dependencies ?? {});
    assert.not.match(dependencies, /workspace:|catalog:|link:|file:/);
  });
}

test.run();
