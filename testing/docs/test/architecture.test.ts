import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { installedPackages } from '../src/installed-packages.ts';
import { cellTexts, markdownFile } from '../src/markdown-file.ts';
import { readManifest, readText, root } from '../src/repository.ts';

const page = markdownFile('docs/architecture.md');
const packages = globSync('packages/*', { cwd: root });
const ours = new Set(packages.map((folder) => readManifest(folder).name));

test('every dependency of a published package is in the table, with the number of packages that it brings', () => {
  const real = packages.flatMap((folder) => {
    const { name, dependencies, peerDependencies } = readManifest(folder);
    return Object.keys({ ...dependencies, ...peerDependencies })
      .filter((dependency) => !ours.has(dependency))
      .map((dependency) => [dependency, name, String(installedPackages(folder, dependency).size)]);
  });
  const told = page.rowsBelow('Why each dependency').map((row) => cellTexts(row).slice(0, 3));
  assert.equal(told.toSorted(), real.toSorted());
});

test('a user of the handler installs as many packages as the page says', () => {
  const [, count] = /A user of the handler installs (\d+) packages in all/.exec(readText(page.path)) ?? [];
  assert.is(Number(count), installedPackages('packages/cli', 'onedrive-token-handler').size);
});

test('the page has the columns that the table has in a new file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'architecture-'));
  const file = join(folder, 'tokens.db');
  openTokenStore(file).close();
  const database = new DatabaseSync(file);
  const columns = database.prepare("SELECT name FROM pragma_table_info('token')").all();
  database.close();
  rmSync(folder, { recursive: true });
  const told = page.rowsBelow('What the file holds').flatMap((row) => (cellTexts(row)[0] ?? '').split(', '));
  assert.equal(told.toSorted(), columns.map(({ name }) => name as string).toSorted());
});

test.run();
