/** count-modules.ts PATH: opens the database, reads, and prints which files of this package and which parts of Node that loaded. */
import { registerHooks } from 'node:module';

const files: string[] = [];
const before = new Set(Reflect.get(process, 'moduleLoadList') as string[]);
registerHooks({
  load(url, context, next) {
    const file = url.split('/src/')[1];
    if (file) files.push(file);
    return next(url, context);
  },
});
const { openTokenStore } = await import('../../src/index.ts');
openTokenStore(process.argv[2] ?? '').get('app');
const builtins = (Reflect.get(process, 'moduleLoadList') as string[]).filter((name) => !before.has(name));
console.log(JSON.stringify({ files, builtins }));
