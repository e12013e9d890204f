import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliHome } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeNames, readUploadPath } from '../src/commands/api/read-request.ts';
import { forgetUploads, unfinishedUploads } from '../src/session/unfinished-uploads.ts';
import { UsageError } from '../src/terminal/failure.ts';

for (const [path, expected] of [
  ['/me/drive/root:/notes.txt', '/me/drive/root:/notes.txt'],
  ['/me/drive/root:/a%20b.txt', '/me/drive/root:/a%2520b.txt'],
  ['/me/drive/root:/50% off!.txt', '/me/drive/root:/50%25%20off!.txt'],
  ['/me/drive/root:/A/B #1/ä.txt', '/me/drive/root:/A/B%20%231/%C3%A4.txt'],
  ['/me/drive/root:/notes.txt:/content', '/me/drive/root:/notes.txt'],
  ['/me/drive/root:/content', '/me/drive/root:/content'],
  ['/me/drive/root:/docs/content', '/me/drive/root:/docs/content'],
  ['/me/drive/items/ID:/new.txt', '/me/drive/items/ID:/new.txt'],
  ['/sites/my.sharepoint.com:/teams/a:/drive/root:/b.txt', '/sites/my.sharepoint.com:/teams/a:/drive/root:/b.txt'],
  ['/sites/HOST:/teams/a b:/drive/root:/50%20 #1.txt', '/sites/HOST:/teams/a%20b:/drive/root:/50%2520%20%231.txt'],
  [
    'https://graph.microsoft.com/v1.0/me/drive/root:/a%20b.txt:/content',
    'https://graph.microsoft.com/v1.0/me/drive/root:/a%20b.txt',
  ],
] as const) {
  test(`--upload to ${path} means ${expected}`, () => {
    assert.is(encodeNames(readUploadPath(path)), expected);
  });
}

for (const [path, expected] of [
  ['/me/drive/root:/a%20b.txt:/content', '/me/drive/root:/a%2520b.txt:/content'],
  ['/me/drive/root:/A/B #1?$select=name', '/me/drive/root:/A/B%20%231?$select=name'],
  ['/me/drive/items/ID:/100%:/children?$top=1', '/me/drive/items/ID:/100%25:/children?$top=1'],
  ['/sites/HOST:/100%:/lists?$filter=name eq 2:/%41', '/sites/HOST:/100%25:/lists?$filter=name eq 2:/%41'],
  ["/me/drive/root/children?$filter=name eq ':/%41'", "/me/drive/root/children?$filter=name eq ':/%41'"],
] as const) {
  test(`${path} means ${expected}`, () => {
    assert.is(encodeNames(path), expected);
  });
}

for (const path of ['/me/drive/root:/dir/', '/me/drive/root:/', '/me/drive/root:/dir/:/content', '/me/drive/root/']) {
  test(`--upload to the folder ${path} is refused, and says what to write`, () => {
    const isRight = (error: unknown): boolean =>
      error instanceof UsageError && error.problem.includes(path) && /notes/.test(`${error.remedy}`);
    assert.throws(() => readUploadPath(path), isRight);
  });
}

test('--upload to an item of a site that is named by its id is taken', () => {
  const path = '/sites/HOST:/teams/a:/drive/items/ID';
  assert.is(encodeNames(readUploadPath(path)), path);
});

const isUsageError = (error: unknown): boolean => error instanceof UsageError;

for (const path of [
  'root:/notes:',
  'root:/12:30.txt',
  'root:/a:/children',
  'root:/sites/a:/b:/c:/d',
  'root:/a/../../b',
  'items/ID:/.',
]) {
  test(`--upload to ${path} is refused: OneDrive has no such name`, () => {
    assert.throws(() => encodeNames(readUploadPath(`/me/drive/${path}`)), isUsageError);
  });
}

test('no other item is meant by a name with two dots', () => {
  for (const root of ['/me/drive/root', '/sites/HOST:/teams/a:/drive/root'])
    assert.throws(() => encodeNames(`${root}:/a/../../b:/content`), isUsageError);
});

test('an absolute URL, whose names are encoded already, is refused with such a name too', async () => {
  using home = new CliHome();
  const { status, stderr } = await home.call(['api', 'https://graph.microsoft.com/v1.0/me/drive/root:/a/..']);
  assert.equal([status, /or the name \. or \.\. is not allowed/.test(stderr)], [2, true], stderr);
});

test('a ? in a name is refused, and no advice would become part of the name', async () => {
  using home = new CliHome();
  for (const args of [['--upload', 'notes.txt', '/me/drive/root:/q?x.txt'], ['/me/drive/root:/q?x.txt:/content']]) {
    const { status, stderr } = await home.call(['api', ...args]);
    assert.is(status, 2);
    assert.match(stderr, 'q?x.txt');
    assert.not.match(stderr, /%3F|itemPath/);
  }
});

test('an unfinished upload is kept until it expires or its sign-in ends; no other account or place of tokens has it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'uploads-'));
  const file = join(folder, 'onedrive-token/uploads.json');
  const { XDG_DATA_HOME } = process.env;
  process.env.XDG_DATA_HOME = folder;
  const one = { app: 'one', db: 'tokens.db', socket: undefined };
  const upload = { uploadUrl: 'https://upload.example/1', expiresAt: Date.now() + 60_000, size: 1, modifiedAt: 1 };
  unfinishedUploads(one, 'ada')?.set('disk.img', upload);
  assert.equal(unfinishedUploads(one, 'ada')?.get('disk.img'), upload);
  const others = [{ app: 'two' }, { db: 'other.db' }, { socket: '/run/one' }].map((other) => ({ ...one, ...other }));
  for (const other of others) assert.is(unfinishedUploads(other, 'ada')?.get('disk.img'), undefined);
  assert.is(unfinishedUploads(one, 'bob')?.get('disk.img'), undefined);
  assert.is(unfinishedUploads(one, undefined), undefined);
  unfinishedUploads(one, 'bob')?.set('old.img', { ...upload, expiresAt: Date.now() - 1 });
  for (const other of others) forgetUploads(other);
  assert.equal(Object.values(JSON.parse(readFileSync(file, 'utf8'))), [upload]);
  const { renameSync } = fs;
  fs.renameSync = () => {
    throw Object.assign(new Error('EROFS'), { errno: -constants.errno.EROFS });
  };
  assert.throws(() => forgetUploads(one), /^cannot write .*uploads.json: read-only file system$/);
  // An upload is not worth a failure: it starts again then.
  unfinishedUploads(one, 'ada')?.delete('disk.img');
  fs.renameSync = renameSync;
  assert.equal(readdirSync(join(file, '..')), ['uploads.json'], 'no draft is left');
  if (process.platform !== 'win32') assert.is(statSync(join(file, '..')).mode & 0o777, 0o700);
  forgetUploads(one);
  assert.is(readFileSync(file, 'utf8'), '{}\n');
  if (XDG_DATA_HOME === undefined) delete process.env.XDG_DATA_HOME;
  else process.env.XDG_DATA_HOME = XDG_DATA_HOME;
  rmSync(folder, { recursive: true });
});

test.run();
