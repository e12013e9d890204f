import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { create, type OriginalClass, read, testOriginalClass, write } from '../test/original-class.ts';

const script = `
import json, sqlite3, sys
path, statement, *values = json.loads(sys.argv[1])
connection = sqlite3.connect(path)
row = connection.execute(statement, values).fetchone()
connection.commit()
connection.close()
print(json.dumps(row[0] if row else None))
`;

// The interpreter itself: a version manager's `python3` takes longer to start than these statements take.
const found = spawnSync('python3', ['-c', 'import sqlite3, sys; print(sys.executable, sqlite3.sqlite_version)'], {
  encoding: 'utf8',
});
const [interpreter = '', version = ''] = found.status === 0 ? found.stdout.trim().split(/ (?=[\d.]+$)/) : [];
// Python reads a file with a STRICT table from SQLite 3.37 (November 2021) on.
const pythonFits = Number(version.split('.')[1]) >= 37;
if (!pythonFits) console.log('skipped: the original class needs python3 with SQLite 3.37 (apt-get install python3)');

function python(path: string, statement: string, ...values: string[]): string | null {
  const { stdout, stderr, status } = spawnSync(
    interpreter,
    ['-c', script, JSON.stringify([path, statement, ...values])],
    {
      encoding: 'utf8',
    },
  );
  assert.is(status, 0, stderr);
  return JSON.parse(stdout) as string | null;
}

const inPython: OriginalClass = {
  create: (path) => void python(path, create),
  write: (path, appName, token) => void python(path, write, appName, token, token),
  read: (path, appName) => python(path, read, appName),
};

testOriginalClass(inPython, pythonFits ? test : test.skip);

test.run();
