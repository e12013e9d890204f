#!/usr/bin/env node
// biome-ignore-all lint/style/useTemplate: an old Node has no templates
'use strict';
// CommonJS with the syntax of 2009, so that any Node can run this file and say which version is needed: newer syntax would be a
// SyntaxError in an old Node, and better-sqlite3 makes an old Node crash.
var found = process.version + ' (' + process.execPath + ')';
var version = process.versions.node.split('.').map(Number);

function exit(status) {
  process.exit(status);
}

if (version[0] < 22 || (version[0] === 22 && version[1] < 19)) {
  process.stderr.write('onedrive-token: needs Node.js 22.19 or newer from https://nodejs.org, not ' + found + '\n');
  process.exitCode = 1;
} else {
  require('../dist/start.js').start(process.argv.slice(2)).then(exit);
}
