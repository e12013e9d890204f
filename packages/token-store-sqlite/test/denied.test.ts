import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { directoryForUsers, hasPlaceForUsers, isRoot, otherUser } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TokenStoreErrorCode } from '../src/index.ts';
import { lockPathsOf } from '../src/lock/lock-paths.ts';
import { attempt, attemptAll } from './attempt.ts';
import { makeTokenDatabase, snapshot } from './snapshot.ts';

const windows = process.platform === 'win32';

/** Root may do everything, so these run in a process that is not root. */
interface Denial {
  calls: string[];
  make: (directory: string) => string;
  expect: TokenStoreErrorCode;
  remedy: RegExp;
}
const cannotWrite = { expect: 'STORE_READONLY', remedy: /write the file and its directory/ } as const;
const cannotEnter = { expect: 'STORE_OPEN', remedy: /this user may read it and enter its directories/ } as const;
const in500 =
  (...names: string[]) =>
  (directory: string): string => {
    chmodSync(directory, 0o500);
    return join(directory, ...names);
  };

const denials: Record<string, Denial> = {
  'a file without permissions': { ...cannotEnter, calls: ['get'], make: (path) => readyDatabase(path, { file: 0 }) },
  'a file that may only be read': {
    ...cannotWrite,
    calls: ['get', 'set'],
    make: (directory) => readyDatabase(directory, { file: 0o400 }),
  },
  'a file in a directory that may only be read': {
    ...cannotWrite,
    calls: ['get', 'set'],
    make: (directory) => readyDatabase(directory, { directory: 0o500 }),
  },
  'a lock in a directory that may only be read': {
    ...cannotWrite,
    calls: ['get', 'exclusively'],
    make: (directory) => readyDatabase(directory, { directory: 0o500 }),
  },
  'a lock file that may only be read': { ...cannotWrite, calls: ['get', 'exclusively'], make: withReadOnlyLock },
  'a new file in a directory that may only be read': { ...cannotWrite, calls: [], make: in500('tokens.db') },
  'a directory that cannot be made': {
    ...cannotEnter,
    remedy: /Make it for the user who runs this program/,
    calls: [],
    make: in500('new', 'deep', 'tokens.db'),
  },
  'a directory that may not be entered': {
    ...cannotEnter,
    calls: [],
    make: (directory) => readyDatabase(directory, { directory: 0o600 }),
  },
};

function readyDatabase(directory: string, modes: { file?: number; directory?: number }): string {
  const path = join(directory, 'tokens.db');
  makeTokenDatabase(path);
  if (isRoot) chownSync(path, otherUser, otherUser);
  chmodSync(path, modes.file ?? 0o600);
  chmodSync(directory, modes.directory ?? 0o700);
  return path;
}

function withReadOnlyLock(directory: string): string {
  const path = readyDatabase(directory, {});
  const { lock } = lockPathsOf(path, 'app');
  writeFileSync(lock, '', { mode: 0o400 });
  if (isRoot) chownSync(lock, otherUser, otherUser);
  return path;
}

/** What there was before, and what the calls have come to. */
async function prepareAndAttempt() {
  const prepared = Object.values(denials).map(({ calls, make }) => {
    const directory = directoryForUsers();
    if (isRoot) chownSync(directory, otherUser, otherUser);
    const path = make(directory);
    return { calls, directory, path, before: isRoot ? snapshot(directory) : [] };
  });
  const outcomes = await attemptAll(prepared.map(({ path, calls }) => [path, ...calls]));
  return prepared.map((each, index) => ({ ...each, ...outcomes[index] }));
}

let attempted: ReturnType<typeof prepareAndAttempt> | undefined;
for (const [index, [what, { expect, remedy }]] of Object.entries(denials).entries()) {
  (windows || !hasPlaceForUsers ? test.skip : test)(`${what} is ${expect} and stays as it is`, async () => {
    attempted ??= prepareAndAttempt();
    const made = (await attempted)[index];
    assert.ok(made);
    const { directory, path, before, code, reason, message = '' } = made;
    assert.is(code, expect, message);
    assert.is(reason, 'no-permission', message);
    assert.ok(message.includes(path), message);
    assert.match(message, remedy);
    if (isRoot) assert.equal(snapshot(directory), before);
    else chmodSync(directory, 0o700);
  });
}

(isRoot && hasPlaceForUsers ? test : test.skip)(
  'a file of another user that others can read is STORE_OPEN',
  async () => {
    const directory = directoryForUsers();
    chmodSync(directory, 0o755);
    const path = join(directory, 'tokens.db');
    makeTokenDatabase(path);
    chmodSync(path, 0o666);
    const { code, reason, message = '' } = await attempt(path, ['get']);
    assert.equal([code, reason], ['STORE_OPEN', 'exposed']);
    assert.match(message, 'only its owner (user 0) can change that');
    assert.is(statSync(path).mode & 0o777, 0o666);
  },
);
if (!hasPlaceForUsers) console.log('skipped: another user can enter none of the temporary directories');
if (!isRoot) console.log('skipped: only root can make a file of another user');

test.run();
