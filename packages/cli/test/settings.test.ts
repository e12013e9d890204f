import { resolve } from 'node:path';
import tty from 'node:tty';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commonOptions, type Flags, readPlainLine, takesValue, variableOf } from '../src/settings/options.ts';
import { mayAsk, readSettings } from '../src/settings/settings.ts';
import { UsageError } from '../src/terminal/failure.ts';

const env = { HOME: '/home/ada', LOCALAPPDATA: '/home/ada/Local' };

/** The message of the UsageError that `read` throws. */
function usageErrorOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return assert.unreachable('it was not refused') as never;
}

test('the command line wins over the environment, which wins over the default', () => {
  assert.is(readSettings({}, env).app, 'onedrive-token');
  assert.is(readSettings({}, env).graph, 'https://graph.microsoft.com/v1.0');
  assert.is(readSettings({}, { ...env, ONEDRIVE_TOKEN_APP: 'env' }).app, 'env');
  assert.is(readSettings({ app: 'flag' }, { ...env, ONEDRIVE_TOKEN_APP: 'env' }).app, 'flag');
});

for (const [key, { flags }] of Object.entries(commonOptions)) {
  if (!takesValue({ flags })) continue;
  const variable = variableOf({ flags });
  test(`${variable} sets ${key}, and counts as unset if it is empty`, () => {
    const given =
      key === 'timeout' ? '7' : flags.endsWith('<file>') ? resolve('/some/file') : 'https://some.example/thing';
    const expected = key === 'timeout' ? 7000 : given;
    assert.is(readSettings({}, { ...env, [variable]: given })[key as 'app'], expected);
    assert.equal(readSettings({}, { ...env, [variable]: '' }), readSettings({}, env));
  });
}

test('an app name with the separator of the lock names is wrong usage, wherever it comes from', () => {
  const app = 'moving\u001fx';
  assert.match(
    usageErrorOf(() => readSettings({ app }, env)),
    /^--app: /,
  );
  assert.match(
    usageErrorOf(() => readSettings({}, { ...env, ONEDRIVE_TOKEN_APP: app })),
    /^ONEDRIVE_TOKEN_APP: /,
  );
});

// `new URL` takes `localhost:` and `ada:` for schemes.
for (const authority of [
  'foo',
  'localhost:8080',
  'login.example/consumers',
  'ftp://a.example',
  'https://',
  'ada:secret@a',
  'http://login.microsoftonline.com/consumers',
  'http://localhost.example',
])
  test(`the authority ${authority} is wrong usage, wherever it comes from, and is not quoted`, () => {
    const expected = 'expected a URL like https://login.microsoftonline.com/consumers, without a password or a query';
    assert.is(
      usageErrorOf(() => readSettings({ authority }, env)),
      `--authority: ${expected}`,
    );
    assert.is(
      usageErrorOf(() => readSettings({}, { ...env, ONEDRIVE_TOKEN_AUTHORITY: authority })),
      `ONEDRIVE_TOKEN_AUTHORITY: ${expected}`,
    );
  });

test('an authority on this computer may have plain http', () => {
  for (const authority of ['http://localhost:1/consumers', 'http://127.0.0.1', 'HTTP://[::1]:1/'])
    assert.is(readSettings({ authority }, env).authority, authority);
});

for (const [variable, key, on] of [
  ['ONEDRIVE_TOKEN_JSON', 'json', true],
  ['ONEDRIVE_TOKEN_VERBOSE', 'verbose', true],
  ['ONEDRIVE_TOKEN_NO_INTERACTIVE', 'interactive', false],
] as const) {
  test(`${variable} is on for 1, true, yes and on; off for 0, false, no, off and if it is empty`, () => {
    for (const word of ['1', 'true', 'YES', 'on']) assert.is(readSettings({}, { ...env, [variable]: word })[key], on);
    for (const word of ['0', 'false', 'No', 'off', ''])
      assert.is(readSettings({}, { ...env, [variable]: word })[key], !on);
  });
}

test('a person is asked only if stdin and stderr are a terminal', () => {
  const { isatty } = tty;
  try {
    for (const [terminals, interactive, expected] of [
      [[0, 2], true, true],
      [[0, 1, 2], false, false],
      [[0, 1], true, false],
      [[1, 2], true, false],
    ] as const) {
      tty.isatty = (descriptor) => terminals.some((each) => each === descriptor);
      assert.is(mayAsk(readSettings({ interactive }, env)), expected, `${terminals}`);
    }
  } finally {
    tty.isatty = isatty;
  }
});

test('a relative path of the database starts at the working directory', () => {
  assert.is(readSettings({ db: 'some/tokens.db' }, env).db, resolve('some/tokens.db'));
});

for (const url of [
  'postgresql://ada@db.example:5432/tokens?sslmode=verify-full',
  'postgres://db.example/tokens',
  'POSTGRESQL://db.example',
  'postgresql://',
  'postgresql://?service=tokens',
  'postgresql://ada@/tokens?host=/var/run/postgresql',
]) {
  test(`${url} is a database in PostgreSQL`, () => {
    const { db, postgresUrl } = readSettings({ db: url }, env);
    assert.equal([db, postgresUrl], [url, url]);
  });
}

for (const [url, shown] of [
  ['postgresql://ada:s3cret@db.example/tokens', 'postgresql://ada@db.example/tokens'],
  ['postgresql://ada:s3cret@/tokens?host=/run', 'postgresql://ada@/tokens?host=/run'],
  ['postgresql://:s3cret@db.example/tokens', 'postgresql://@db.example/tokens'],
  ['postgresql://ada:s3@cret@db.example/tokens', 'postgresql://ada@db.example/tokens'],
] as const) {
  test(`the password in ${url} is refused on the command line, allowed in the variable, and never shown`, () => {
    const refusal = usageErrorOf(() => readSettings({ db: url }, env));
    assert.match(refusal, /^--db: .*PGPASSWORD.*PGPASSFILE/);
    assert.not.match(refusal, 's3');
    const { db, postgresUrl } = readSettings({}, { ...env, ONEDRIVE_TOKEN_DB: url });
    assert.equal([db, postgresUrl], [shown, url]);
  });
}

test('a password in a parameter is refused wherever it stands, because status shows the parameters', () => {
  for (const name of ['password', 'pass%77ord', 'sslpassword']) {
    const url = `postgresql://db.example/tokens?user=ada&${name}=s3cret`;
    const refusal = usageErrorOf(() => readSettings({}, { ...env, ONEDRIVE_TOKEN_DB: url }));
    assert.match(refusal, /^ONEDRIVE_TOKEN_DB: .*PGPASSWORD/);
    assert.not.match(refusal, 's3');
  }
});

test('a URL that cannot be read, or is of another database, is refused without being quoted', () => {
  for (const url of [
    'postgresql://ada:s3/cret@db.example/tokens',
    'postgresql://ada:s3?cret@db.example',
    'postgresql://ada:s3@x/cret@db.example',
    ...['#', '?', '/'].map((sign) => `postgresql://ada:5432${sign}cret@db.example`),
    'postgresql://EXAMPLE/ada:s3cret@db.example/tokens',
    'postgresql://a?da:s3cret@db.example/tokens',
    'postgresql://[',
    'mysql://ada:s3cret@db.example/tokens',
  ]) {
    const refusal = usageErrorOf(() => readSettings({}, { ...env, ONEDRIVE_TOKEN_DB: url }));
    assert.match(refusal, /^ONEDRIVE_TOKEN_DB: .*postgresql:\/\/user@host:5432\/database/);
    assert.not.match(refusal, /s3|cret/);
  }
});

test('an @ in a parameter is taken if no password stands before it', () => {
  for (const url of [
    'postgresql://ada@db.example:5432/tokens?sslrootcert=/home/ada@example/ca.pem',
    'postgresql:///tokens?host=/run&user=ada@example',
    'postgresql:///tokens?sslrootcert=C:/Users/ada@example/ca.pem',
  ])
    assert.is(readSettings({}, { ...env, ONEDRIVE_TOKEN_DB: url }).postgresUrl, url);
});

test('the key of a PostgreSQL database is not in the keyring', () => {
  for (const [flags, variables] of [
    [{ keyring: true }, {}],
    [{}, { ONEDRIVE_TOKEN_KEYRING: '1' }],
  ] as const) {
    const read = () => readSettings({ db: 'postgresql://db.example', ...flags }, { ...env, ...variables });
    assert.match(usageErrorOf(read), /^--keyring .*ONEDRIVE_TOKEN_KEY or --key-file$/);
  }
});

for (const [seconds, milliseconds] of [
  ['1', 1000],
  ['0.5', 500],
  ['0.0001', 1],
  ['2147483', 2_147_483_000],
] as const) {
  test(`a timeout of ${seconds} s is ${milliseconds} ms`, () => {
    assert.is(readSettings({ timeout: seconds }, env).timeout, milliseconds);
  });
}

for (const seconds of ['0', '-1', '1e3', '0x10', 'NaN', 'Infinity', '2147484', '1 000', '']) {
  test(`a timeout of '${seconds}' is refused`, () => {
    assert.throws(() => readSettings({ timeout: seconds }, env), /--timeout/);
  });
}

for (const [line, flags] of [
  ['', {}],
  ['token', {}],
  ['--json', { json: true }],
  ['token --app a --db b --client-id c', { app: 'a', db: 'b', clientId: 'c' }],
  ['--no-interactive --verbose --timeout 3', { interactive: false, verbose: true, timeout: '3' }],
  ['--app a --app b', { app: 'b' }],
  ['--app --json', { app: '--json' }],
] as const satisfies [string, Flags][]) {
  test(`'${line}' only asks for a token`, () => {
    assert.equal(readPlainLine(line.split(' ').filter(Boolean)), flags);
  });
}

for (const line of [
  'login',
  'status',
  '--help',
  '--app',
  '--json=yes',
  '--app=a',
  'token token',
  '--app a login',
  '--',
  'token --',
  'exec -- sh',
  '-V',
]) {
  test(`'${line}' is left to the real parser`, () => {
    assert.is(readPlainLine(line.split(' ')), undefined);
  });
}

test.run();
