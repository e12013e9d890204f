import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { CliHome } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('a data folder that this user may not enter is no missing sign-in', async () => {
  if (process.getuid?.() !== 0) return console.log('skipped: needs root, to become another user');
  using other = new CliHome();
  mkdirSync(dirname(other.db), { recursive: true });
  chmodSync(other.folder, 0o755);
  chmodSync(dirname(dirname(other.db)), 0o700);
  for (const command of ['token', 'status', 'list', 'login', 'logout']) {
    const { status, stderr } = await other.shell(`exec setpriv --reuid 65534 --clear-groups onedrive-token ${command}`);
    if (status === 127) return console.log('skipped: needs setpriv');
    assert.is(status, 7, `${command}: ${stderr}`);
    assert.match(stderr, `${other.db}: cannot be opened`);
  }
});

test.run();
