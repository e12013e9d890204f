/**
 * count-modules.ts PATH: opens the database and reads. Prints which files of this package, files of other packages and
 * parts of Node that loads.
 */
import { registerHooks } from 'node:module';

const files: string[] = [];
const packages: string[] = [];
const before = new Set(Reflect.get(process, 'moduleLoadList') as string[]);
registerHooks({
  load(url, context, next) {
    const [, own] = url.split('/token-store-sqlite/src/');
    const [, other] = /.*\/((?:token-store-kit|better-sqlite3)\/.*)/.exec(url) ?? [];
    if (own) files.push(own);
    else if (!url.startsWith('node:')) packages.push(other ?? url);
    return next(url, context);
  },
});
const { openTokenStore } = await import('../../src/index.ts');
openTokenStore(process.argv[2] ?? '').get('app');
const builtins = (Reflect.get(process, 'moduleLoadList') as string[]).filter((name) => !before.has(name));
console.log(JSON.stringify({ files, packages, builtins }));
