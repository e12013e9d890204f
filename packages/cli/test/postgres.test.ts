import { CliHome } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { installAlone } from './fixtures/install-alone.ts';

// test-long/postgres.test.ts has the tests with a server.
const password = 'p@ss/w?rd';

test('a server that cannot be reached ends with 6, and the password is not shown', async () => {
  using home = new CliHome({
    ONEDRIVE_TOKEN_DB: `postgresql://ada:${encodeURIComponent(password)}@127.0.0.1:9/postgres`,
  });
  for (const command of [['token'], ['status'], ['list'], ['logout'], ['rekey', '--decrypt']]) {
    const { status, stdout, stderr } = await home.call([...command, '--verbose']);
    assert.equal([command, status, stdout], [command, 6, '']);
    assert.match(stderr, /^onedrive-token: .*127\.0\.0\.1:9, database postgres /);
    assert.not.match(stderr, password);
    assert.not.match(stderr, encodeURIComponent(password));
  }
});

test('if token-store-postgres or pg is missing, the message says how to install both, and the status is 7', async () => {
  if (process.platform === 'win32') return console.log('skipped: Windows has no shell of this kind');
  using other = new CliHome();
  const { run } = installAlone(other);
  const db = 'postgresql://ada@127.0.0.1:9/tokens';
  for (const command of ['', 'login --client-id x', 'list']) {
    const { status, stdout, stderr } = await other.shell(`${run} ${command} --db '${db}'`);
    assert.equal([status, stdout], [7, '']);
    assert.ok(stderr.startsWith(`onedrive-token: --db ${db} `), stderr);
    assert.ok(stderr.endsWith('Run: npm install --global token-store-postgres pg\n'), stderr);
  }
});

test.run();
