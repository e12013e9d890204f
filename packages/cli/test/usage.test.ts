import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliHome } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const home = new CliHome();
test.after(() => home[Symbol.dispose]());

const common = ['app', 'client-id', 'db', 'authority', 'graph', 'timeout', 'json', 'verbose'];
const commands = 'token login status whoami logout list rekey move api exec serve doctor completion'.split(' ');

test('--help goes to stdout, names every command and every exit status, and ends with 0', async () => {
  const { status, stdout, stderr } = await home.call(['--help']);
  assert.is(status, 0);
  assert.is(stderr, '');
  assert.match(stdout, /^Usage: onedrive-token \[/);
  for (const command of commands) assert.match(stdout, new RegExp(`^  ${command} `, 'm'));
  assert.match(stdout, /XDG_DATA_HOME.*onedrive-token/);
  assert.match(stdout.replace(/\s+/g, ' '), /--timeout <seconds> .* 180;/);
  for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 130]) assert.match(stdout, new RegExp(`\\b${code}  \\S`));
  for (const option of common) {
    assert.match(stdout, `--${option}`);
    assert.match(stdout.replace(/\s+/g, ' '), `(env: ONEDRIVE_TOKEN_${option.toUpperCase().replace('-', '_')})`);
  }
});

for (const command of commands) {
  test(`${command} --help has an example, and names every common option in one line`, async () => {
    const { status, stdout, stderr } = await home.call([command, '--help']);
    assert.is(status, 0);
    assert.is(stderr, '');
    assert.match(stdout, /Examples:\n {2}# .+\n {2}\$ .*onedrive-token/);
    assert.not.match(stdout, /^ {2}[#$] $/m);
    const [line = ''] = stdout.match(/^.* --app .*onedrive-token --help.*$/m) ?? [];
    for (const option of common) assert.match(line, `--${option} `);
    assert.match(stdout, `${line}\n\n`);
    assert.is(stdout.match(/--client-id /g)?.length, command === 'login' ? 2 : 1);
  });
}

test('help COMMAND prints the same as COMMAND --help, whatever options it has', async () => {
  const { stdout: help } = await home.call(['api', '--help']);
  for (const args of [
    ['help', 'api'],
    ['--json', 'help', '--verbose', 'api'],
  ]) {
    const { status, stdout, stderr } = await home.call(args);
    assert.equal({ status, stdout, stderr }, { status: 0, stdout: help, stderr: '' }, args.join(' '));
  }
});

test('help --help is the help, as --help is', async () => {
  const { stdout: help } = await home.call(['--help']);
  for (const args of [
    ['-h'],
    ['--app', 'x', '-h'],
    ['help'],
    ['help', '--help'],
    ['help', '-h'],
    ['--app', 'x', 'help', '--help'],
    ['help', ''],
    ['help', '--json'],
  ]) {
    const { status, stdout, stderr } = await home.call(args);
    assert.equal({ status, stdout, stderr }, { status: 0, stdout: help, stderr: '' }, args.join(' '));
  }
});

test('--version prints the version of the package, also after a command', async () => {
  const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'));
  for (const args of [['--version'], ...commands.map((command) => [command, '--version'])]) {
    const { status, stdout } = await home.call(args);
    assert.is(status, 0, args.join(' '));
    assert.is(stdout, `${manifest.version}\n`);
  }
});

for (const [typed, meant] of [
  [['logni'], 'login'],
  [['sttaus'], 'status'],
  [['status', '--vebose'], '--verbose'],
  [['login', '--devcie'], '--device'],
  [['--jsn'], '--json'],
] as const) {
  test(`${typed.join(' ')} is wrong usage, and ${meant} is suggested`, async () => {
    const { status, stdout, stderr } = await home.call(typed);
    assert.is(status, 2);
    assert.is(stdout, '');
    assert.match(stderr, `${meant}?)`);
  });
}

for (const [what, args, says] of [
  ['the help of a mistyped command', ['--json', 'help', 'statsu'], /unknown command 'statsu'.*\n.*mean status/],
  ['the help of a mistyped command, with an option', ['help', '--json', 'statsu'], /unknown command 'statsu'/],
  ['an unknown option before help', ['--bogus', 'help', 'status'], /unknown option '--bogus'/],
  ['a name that every object has', ['constructor'], /unknown command 'constructor'/],
  ['an option without its value', ['--app'], /--app <name>/],
  ['an empty value', ['--app='], /--app: /],
  ['an empty scope', ['login', '--scope', ' '], /--scope <scope...>' argument ' '/],
  ['an empty path', ['api', ''], /argument 'path'/],
  ['an empty file to save in', ['api', '/me', '-o', ''], /--output <file>' argument ''/],
  ['an empty file to upload', ['api', '/me', '--upload', ''], /--upload <file>' argument ''/],
  ['an empty program', ['exec', '--', ''], /argument 'program'/],
  ['an argument too many', ['token', 'again'], /too many arguments/],
  ['a timeout that is not a number', ['login', '--timeout', 'soon'], /--timeout: .*'soon'/],
  ['api without a path', ['api'], /missing required argument 'path'/],
  ['exec without a program', ['exec'], /missing required argument 'program'/],
  ['completion for an unknown shell', ['completion', 'tcsh'], /'tcsh'.*bash, zsh, fish/],
  ['two ways in at once', ['login', '--device', '--paste'], /cannot be used with option/],
  ['a device code with --no-browser', ['login', '--device', '--no-browser'], /cannot be used with option/],
  ['--paginate with a body', ['api', '/me', '--paginate', '-d', '{}'], /cannot be used with option/],
  ['--output with a body', ['api', '/me', '-o', 'x', '-d', '{}'], /cannot be used with option '-d/],
  ['--output with a method', ['api', '/me', '-o', 'x', '-X', 'DELETE'], /cannot be used with option '-X/],
  ['--encrypt with --keyring', ['login', '--encrypt', '--keyring', '--client-id', 'x'], /--encrypt: .*--keyring/],
  [
    '--encrypt without a terminal',
    ['login', '--encrypt', '--client-id', 'x'],
    /--encrypt: .*ONEDRIVE_TOKEN_KEY or --key-file/,
  ],
  ['a key file that is missing', ['--client-id', 'x', '--key-file', 'nowhere'], /--key-file: .*nowhere.*ENOENT/],
] as const) {
  test(`${what} is wrong usage, and the message has no stack`, async () => {
    const { status, stdout, stderr } = await home.call(args);
    assert.is(status, 2);
    assert.is(stdout, '');
    assert.match(stderr, says);
    assert.match(stderr, /^onedrive-token: /);
    assert.not.match(stderr, /\n\s+at /);
  });
}

test('options that contradict each other are wrong usage', async () => {
  const output = ['-o', 'x'];
  const upload = ['--upload', 'x'];
  for (const [line, one, others] of [
    [['api', '/me'], ['--paginate'], [['-d', '{}'], ['-i'], output, upload, ['-X', 'GET']]],
    [['api', '/me'], output, [['-d', '{}'], ['-i'], upload, ['-X', 'PUT']]],
    [
      ['api', '/me'],
      upload,
      [
        ['-d', '{}'],
        ['-X', 'PUT'],
      ],
    ],
    [
      ['login'],
      ['--device'],
      [
        ['--redirect-host', 'localhost'],
        ['--prompt', 'login'],
        ['--login-hint', 'ada'],
        ['--response-mode', 'query'],
      ],
    ],
    [['login'], ['--paste'], [['--no-browser']]],
    [['rekey'], ['--decrypt'], [['--encrypt'], ['--new-key-file', 'x']]],
  ] as const) {
    for (const other of others) {
      const { status, stderr } = await home.call([...line, ...one, ...other]);
      assert.is(status, 2);
      assert.match(stderr, 'cannot be used with option', `${one} ${other}`);
    }
  }
});

test('a variable with a wrong value is wrong usage, and is named', async () => {
  const env = { ONEDRIVE_TOKEN_JSON: 'maybe' };
  const { status, stderr } = await home.call(['list'], { env });
  assert.is(status, 2);
  assert.match(stderr, /ONEDRIVE_TOKEN_JSON: .*'maybe'/);
});

test('login without a client id explains how to get one', async () => {
  const { status, stdout, stderr } = await home.call(['login']);
  assert.is(status, 2);
  assert.is(stdout, '');
  assert.match(stderr, 'https://entra.microsoft.com/');
  assert.match(stderr, 'http://localhost');
  assert.match(stderr, 'onedrive-token login --client-id');
  assert.match(stderr, 'onedrive-token --db ./tokens.db --app APP-NAME --client-id ID');
  assert.ok(stderr.split('\n').length < 17);
});

for (const authority of ['http://example.com/consumers', 'nonsense', 'ftp://localhost', 'https://login.example/?a=b']) {
  test(`--authority ${authority} is wrong usage`, async () => {
    const { status, stdout, stderr } = await home.call(['--client-id', 'x', '--authority', authority]);
    assert.is(status, 2);
    assert.is(stdout, '');
    assert.match(stderr, 'authority');
  });
}

test('a suggested command repeats the options that say which tokens are meant', async () => {
  const { stderr } = await home.call(['--app', "it's mine", '--client-id', 'x', '--db', 'my.db']);
  const app = process.platform === 'win32' ? `"it's mine"` : String.raw`'it'\''s mine'`;
  assert.match(stderr, `onedrive-token login --app ${app} --client-id x --db my.db`);
});

test('without a home folder, the database has to be named', async () => {
  const env = { HOME: '', XDG_DATA_HOME: 'relative/is/ignored' };
  const { status, stderr } = await home.call(['list'], { env });
  assert.is(status, 2);
  assert.match(stderr, /--db.*ONEDRIVE_TOKEN_DB/);
  assert.is((await home.call(['list', '--db', 'my.db'], { env })).status, 0);
});

test.run();
