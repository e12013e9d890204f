// Preloaded (`--require`): tells on descriptor 3 which files the process has loaded as modules, and how many of Node's own.
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
