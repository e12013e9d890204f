import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Plugin } from 'rolldown';

/** How an import of better-sqlite3 is called while the build runs. */
const ids = { database: '\0better-sqlite3', files: '\0better-sqlite3/files', error: '\0better-sqlite3/error' };

/**
 * Copies the JavaScript of better-sqlite3 into the file that imports it. Its binary takes 1 ms to load, and its 15 files take 10.
 *
 * Two things stay in the installed package: the binary, and the class of the errors, because a program that uses better-sqlite3
 * as well must find its errors to be of the same class. The copy fits the binary of one version. If another version is
 * installed, or if the program has loaded the package already, that package is used.
 */
export function inlineBetterSqlite3(): Plugin {
  const manifestPath = createRequire(join(process.cwd(), 'package.json')).resolve('better-sqlite3/package.json');
  const folder = dirname(manifestPath);
  const { version } = JSON.parse(readFileSync(manifestPath, 'utf8'));
  const sources: Record<string, string> = {
    [ids.files]: `
      export const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);
      export const folder = require.resolve('better-sqlite3/package.json').slice(0, -'package.json'.length);
      export const load = (name) => require(folder + 'lib/' + name + '.js');`,
    [ids.error]: `module.exports = require(${JSON.stringify(ids.files)}).load('sqlite-error');`,
    [ids.database]: `
      import createDatabase from ${JSON.stringify(join(folder, 'lib/database.js'))};
      import { getBinding } from ${JSON.stringify(join(folder, 'lib/binding.js'))};
      import { folder, require } from ${JSON.stringify(ids.files)};
      const { join } = process.getBuiltinModule('node:path');
      const { readFileSync } = process.getBuiltinModule('node:fs');
      const isLoaded = Object.hasOwn(require.cache, join(folder, 'lib', 'index.js'));
      const { version } = JSON.parse(readFileSync(folder + 'package.json', 'utf8'));
      const Database = version === ${JSON.stringify(version)} && !isLoaded
        ? createDatabase(getBinding, true)
        : require('better-sqlite3');
      export default Database;`,
  };
  return {
    name: 'inline-better-sqlite3',
    resolveId(id, importer) {
      if (id === 'better-sqlite3') return ids.database;
      if (id in sources) return id;
      return id === './sqlite-error' && importer?.startsWith(folder) ? ids.error : null;
    },
    load: (id) => sources[id] ?? null,
    transform(code, id) {
      if (!id.startsWith(folder)) return null;
      const changed = code
        // A require() of node:fs also loads node:fs/promises and all streams.
        .replaceAll(/require\('(fs|path|util)'\)/g, "process.getBuiltinModule('node:$1')")
        // The binary is looked for beside the file that looks for it.
        .replaceAll('__dirname', `(require(${JSON.stringify(ids.files)}).folder + 'lib')`);
      return { code: changed, map: null };
    },
    generateBundle() {
      const source = readFileSync(join(folder, 'LICENSE'), 'utf8');
      this.emitFile({ type: 'asset', fileName: 'better-sqlite3.LICENSE', source });
    },
  };
}
