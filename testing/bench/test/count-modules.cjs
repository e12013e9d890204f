// Preloaded with `--require`: when the process ends, it writes to descriptor 3 which files it has loaded as modules, and how many modules of Node.
const { registerHooks } = require('node:module');
const { writeSync } = require('node:fs');

const files = [];
const before = process.moduleLoadList.length;
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) files.push(url);
    return next(url, context);
  },
});
process.on('exit', () => {
  writeSync(3, JSON.stringify({ files, builtins: process.moduleLoadList.length - before }));
});
