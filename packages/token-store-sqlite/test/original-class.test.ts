import { test } from 'uvu';
import { bare, create, type OriginalClass, read, testOriginalClass, write } from './original-class.ts';

// test-long/original-class.test.ts has Python's own SQLite.
const inNode: OriginalClass = {
  create: (path) => bare(path, (database) => void database.exec(create)),
  write: (path, appName, token) => bare(path, (database) => void database.prepare(write).run(appName, token, token)),
  read: (path, appName) => bare(path, (database) => (database.prepare(read).pluck().get(appName) as string) ?? null),
};

testOriginalClass(inNode);

test.run();
