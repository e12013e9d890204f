import { rejection } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  changeKey,
  ensureWritable,
  forgetRecord,
  listNames,
  type MoveRecordOptions,
  moveRecord,
  type RekeyStore,
} from '../src/administration.ts';
import { signInLockName, type TokenRecord, type TokenStore, TokenStoreError } from '../src/index.ts';
import { MemoryStore } from './memory-store.ts';

const data = { registration: '{}', ['__proto__']: '' };
const record: TokenRecord = { refreshToken: 'secret', clientId: 'client', authority: 'issuer', scope: 'a b', data };
const rotated: TokenRecord = { ...record, refreshToken: 'rotated' };

/** How often a move writes: it tries the target (2), copies, deletes, writes at the target and deletes the copy. */
const writesOfMove = 6;
/** After these, the source cannot use the record any more, and the target not yet. */
const writesUntilBetween = 4;

/** A store that calls `onWrite` before each write, which may throw. */
function writeBy(store: TokenStore, onWrite: (method: 'set' | 'replace' | 'delete', name: string) => void): TokenStore {
  return {
    get: (name) => store.get(name),
    list: () => store.list(),
    exclusively: (name, task, options) => store.exclusively(name, task, options),
    set(name, value) {
      onWrite('set', name);
      return store.set(name, value);
    },
    replace(name, previous, value) {
      onWrite('replace', name);
      return store.replace(name, previous, value);
    },
    delete(name) {
      onWrite('delete', name);
      return store.delete(name);
    },
  };
}

function newPair(stored: TokenRecord | undefined = record): { source: MemoryStore; target: MemoryStore } {
  const [source, target] = [new MemoryStore(), new MemoryStore()];
  if (stored) source.set('app', stored);
  return { source, target };
}

/** The same store as over a network: it does later what it is asked. */
function late(store: TokenStore): TokenStore {
  const later =
    <A extends unknown[], T>(call: (...args: A) => T) =>
    async (...args: A): Promise<Awaited<T>> => {
      await new Promise(setImmediate);
      return await call(...args);
    };
  return {
    get: later((name) => store.get(name)),
    list: later(() => store.list()),
    set: later((name, value) => store.set(name, value)),
    replace: later((name, previous, value) => store.replace(name, previous, value)),
    delete: later((name) => store.delete(name)),
    exclusively: (name, task, options) => store.exclusively(name, task, options),
  };
}

const move = ({ source, target, ...options }: Omit<MoveRecordOptions, 'name'>) =>
  moveRecord({ name: 'app', ...options, source: late(source), target: late(target) });

/** Moves as a process does that is killed before it has written once more. */
async function moveUntilKilled({ source, target }: ReturnType<typeof newPair>, writes: number): Promise<void> {
  let left = writes;
  const dies = (): void => {
    if (left-- <= 0) throw new Error('killed');
  };
  const moved = move({ source: writeBy(source, dies), target: writeBy(target, dies) });
  assert.match(String(await rejection(moved)), 'killed');
}

test('the names are sorted, and a record whose move was interrupted counts to the store that it leaves', async () => {
  const pair = newPair();
  await moveUntilKilled(pair, writesUntilBetween);
  for (const name of ['z', 'b']) pair.source.set(name, record);
  assert.equal(await listNames(pair.source), ['app', 'b', 'z']);
  assert.equal(await listNames(pair.target), []);
});

test('a name of which the source has the record and its copy is listed once', async () => {
  const pair = newPair();
  await moveUntilKilled(pair, writesUntilBetween - 1);
  assert.equal(await listNames(pair.source), ['app']);
});

test('a record that is forgotten is gone, and false says that there was none', async () => {
  const { source } = newPair();
  assert.is(await forgetRecord(late(source), 'app'), true);
  assert.is(source.get('app'), undefined);
  assert.is(await forgetRecord(late(source), 'app'), false);
});

test('a record that is forgotten in the middle of a move does not come back', async () => {
  const pair = newPair();
  await moveUntilKilled(pair, writesUntilBetween);
  assert.is(await forgetRecord(late(pair.source), 'app'), true);
  assert.is(await move(pair), 'not-signed-in');
  assert.equal([pair.source.list(), pair.target.list()], [[], []]);
});

test('a record whose move is killed while it is forgotten does not come back', async () => {
  const pair = newPair();
  let killed: Promise<unknown> | undefined;
  const store = {
    ...writeBy(pair.source, () => {}),
    delete: async (name: string) => {
      const isDeleted = pair.source.delete(name);
      killed ??= moveUntilKilled(pair, writesUntilBetween - 1);
      await killed;
      return isDeleted;
    },
  };
  assert.is(await forgetRecord(store, 'app'), true);
  assert.is(await move(pair), 'not-signed-in');
  assert.equal([pair.source.list(), pair.target.list()], [[], []]);
});

test('a store that takes no write is found out, and one that does is left as it was', async () => {
  const { source } = newPair();
  await ensureWritable(late(source), 'app');
  assert.equal(source.list(), ['app']);
  const full = new TokenStoreError('STORE_FULL', 'full');
  const refusing = writeBy(source, () => {
    throw full;
  });
  for (const write of [ensureWritable, forgetRecord]) assert.is(await rejection(write(late(refusing), 'app')), full);
});

/** A store that says with which keys it was encrypted. */
function rekeyStore(): RekeyStore & { readonly keys: unknown[] } {
  const { source } = newPair();
  const keys: unknown[] = [];
  return { ...late(source), keys, rekey: (key) => void keys.push(key) };
}

test('a key is chosen and changed while no refresh, no sign-in and no other change runs', async () => {
  const store = rekeyStore();
  const answer = Promise.withResolvers<string>();
  const choosing = Promise.withResolvers<void>();
  const changed = changeKey(store, () => {
    choosing.resolve();
    return answer.promise;
  });
  await choosing.promise;
  for (const lock of ['app', signInLockName('app')]) {
    const error = await rejection(store.exclusively(lock, async () => 'ran', { timeout: 0 }));
    assert.is(error.code, 'STORE_BUSY', lock);
  }
  const other = changeKey(store, () => 'other');
  answer.resolve('first');
  await Promise.all([changed, other]);
  assert.equal(store.keys, ['first', 'other']);
});

test('a name that is stored while the key is chosen, or waits, is not refreshed while the key is changed', async () => {
  const store = rekeyStore();
  const answer = Promise.withResolvers<void>();
  const refreshes: unknown[] = [];
  const addAndRefresh = async (name: string, until?: Promise<void>): Promise<void> => {
    await store.set(name, record);
    const refresh = async (): Promise<void> => {
      await until;
      if (until) await addAndRefresh('newer');
      for (let turn = 0; turn < 9; turn++) await new Promise(setImmediate);
      assert.equal(store.keys, [], 'the key was changed before the result was stored');
    };
    refreshes.push(store.exclusively(name, refresh));
  };
  const changed = changeKey(store, async () => {
    await addAndRefresh('new', answer.promise);
    return 'key';
  });
  await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, 50))]);
  answer.resolve();
  await changed;
  await Promise.all(refreshes);
  assert.equal(store.keys, ['key']);
});

test('a first sign-in under a name that is not stored yet ends before the key is changed', async () => {
  const held = ['encryption-key\u001f', signInLockName('new'), signInLockName('app'), 'app'];
  const store = { ...rekeyStore(), lockedNames: () => held };
  const answer = Promise.withResolvers<void>();
  const signIn = store.exclusively(signInLockName('new'), async () => {
    await answer.promise;
    assert.equal(store.keys, [], 'the key was changed before the sign-in was stored');
    held.splice(1);
    await store.set('new', record);
  });
  const changed = changeKey(store, () => 'key');
  await Promise.race([changed, new Promise((resolve) => setTimeout(resolve, 50))]);
  answer.resolve();
  await Promise.all([changed, signIn]);
  assert.equal(store.keys, ['key']);
});

test('of a store that waits itself, changeKey takes no lock of a name', async () => {
  const store = { ...rekeyStore(), waitsToRekey: true };
  await store.exclusively('app', () => changeKey(store, () => 'key'));
  assert.equal(store.keys, ['key']);
});

test('two changes of the key of a store without records run one after the other', async () => {
  const store = rekeyStore();
  await store.delete('app');
  const answer = Promise.withResolvers<string>();
  const first = changeKey(store, () => answer.promise);
  const second = changeKey(store, () => {
    assert.equal(store.keys, ['first']);
    return 'second';
  });
  await new Promise(setImmediate);
  answer.resolve('first');
  await Promise.all([first, second]);
  assert.equal(store.keys, ['first', 'second']);
});

test('if no key can be chosen, nothing is changed, and the caller gets the reason', async () => {
  const store = rekeyStore();
  const reason = new Error('no keyring');
  assert.is(await rejection(changeKey(store, () => Promise.reject(reason))), reason);
  assert.equal(store.keys, []);
  await changeKey(store, () => undefined);
  assert.equal(store.keys, [undefined]);
});

test('a record of that name that is already there stays, and so does the one that was to move', async () => {
  for (const present of [record, rotated]) {
    const pair = newPair();
    await moveUntilKilled(pair, writesUntilBetween - 1);
    pair.target.set('app', present);
    assert.is(await move(pair), 'already-there');
    assert.equal([pair.source.get('app'), pair.target.get('app')], [record, present]);
  }
});

test('a record that is forgotten while its move waits for the target does not move', async () => {
  const pair = newPair();
  const ending = Promise.withResolvers<void>();
  const running = pair.target.exclusively('app', () => ending.promise);
  const moved = move(pair);
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
  await forgetRecord(pair.source, 'app');
  ending.resolve();
  await running;
  assert.is(await moved, 'not-signed-in');
  assert.equal(pair.target.list(), []);
});

for (let writes = 0; writes < writesOfMove; writes++) {
  test(`a record that is forgotten after ${writes} of ${writesOfMove} writes of its move is in neither store`, async () => {
    const { source, target } = newPair();
    let left = writes;
    const forget = (): void => {
      if (left-- !== 0) return;
      source.delete('moving\u001fapp');
      source.delete('app');
    };
    assert.is(await move({ source: writeBy(source, forget), target: writeBy(target, forget) }), 'not-signed-in');
    assert.equal([source.list(), target.list()], [[], []]);
  });
}

for (const [how, isInterrupted] of [
  ['first', false],
  ['again', true],
] as const) {
  test(`a record whose move begins ${how} just before it is forgotten is in neither store`, async () => {
    const { source, target } = newPair();
    if (isInterrupted) await moveUntilKilled({ source, target: new MemoryStore() }, writesUntilBetween - 1);
    const forgotten = Promise.withResolvers<void>();
    const slowTarget = {
      ...writeBy(target, () => {}),
      replace: async (...args: Parameters<TokenStore['replace']>) => {
        await forgotten.promise;
        return target.replace(...args);
      },
    };
    let moved: Promise<unknown> | undefined;
    const store = {
      ...writeBy(source, () => {}),
      delete: async (name: string) => {
        const isDeleted = source.delete(name);
        moved ??= move({ source, target: slowTarget });
        while (source.get('app')) await new Promise(setImmediate);
        return isDeleted;
      },
    };
    assert.is(await forgetRecord(store, 'app'), true);
    forgotten.resolve();
    assert.is(await moved, 'not-signed-in');
    assert.equal([source.list(), target.list()], [[], []]);
  });
}

test('if there is nothing to move, the target is not touched', async () => {
  const { source } = newPair();
  source.delete('app');
  assert.is(await move({ source, target: undefined as never }), 'not-signed-in');
});

test('a target that takes no write changes nothing at the source', async () => {
  const { source, target } = newPair();
  const refusing = writeBy(target, () => {
    throw new TokenStoreError('STORE_READONLY', 'read-only');
  });
  assert.is((await rejection(move({ source, target: refusing }))).code, 'STORE_READONLY');
  assert.equal([source.list(), source.get('app')], [['app'], record]);
});

for (let writes = 0; writes < writesOfMove; writes++) {
  test(`a move that is killed after ${writes} of ${writesOfMove} writes loses nothing, and the next one finishes it`, async () => {
    const pair = newPair();
    await moveUntilKilled(pair, writes);
    const usable = [pair.source.get('app'), pair.target.get('app')].filter(Boolean);
    assert.ok(usable.length <= 1, 'it is usable in both');
    const listed = [await listNames(pair.source), await listNames(pair.target)].flat();
    assert.equal([...new Set(listed)], ['app']);
    assert.is(await move(pair), 'moved');
    assert.equal([pair.source.list(), pair.target.list()], [[], ['app']]);
    assert.equal(pair.target.get('app'), record);
  });
}

test('what a refresh stored after the first writes is what moves', async () => {
  const pair = newPair();
  await moveUntilKilled(pair, writesUntilBetween - 1);
  pair.source.set('app', rotated);
  assert.is(await move(pair), 'moved');
  assert.equal([pair.source.list(), pair.target.get('app')], [[], rotated]);
});

test('what the target refreshed before the move was finished stays, also if one record does not say when the person signed in', async () => {
  for (const [before, after] of [
    [{}, {}],
    [{ signedInAt: 1 }, {}],
    [{}, { signedInAt: 1 }],
  ]) {
    const pair = newPair({ ...record, ...before });
    await moveUntilKilled(pair, writesUntilBetween + 1);
    pair.target.set('app', { ...rotated, ...after });
    assert.is(await move(pair), 'moved');
    assert.equal([pair.source.list(), pair.target.get('app')], [[], { ...rotated, ...after }]);
  }
});

test('what was written at the target before the move was interrupted is known by its token', async () => {
  for (const moved of [record, { accessToken: 'access' }]) {
    const pair = newPair(moved);
    await moveUntilKilled(pair, writesUntilBetween + 1);
    assert.is(await move({ ...pair, isSameAccount: () => false }), 'moved');
    assert.equal([pair.source.list(), pair.target.get('app')], [[], moved]);
  }
});

test('two sign-ins without a refresh token are told apart by their access tokens', async () => {
  const moved = { accessToken: 'access', clientId: 'client' };
  const other = { accessToken: 'another', clientId: 'client' };
  const pair = newPair(moved);
  await moveUntilKilled(pair, writesUntilBetween);
  pair.target.set('app', other);
  assert.is(await move({ ...pair, isSameAccount: () => false }), 'already-there');
  assert.equal(pair.target.get('app'), other);
});

test('a target that wrote the record and says that it did not has it', async () => {
  const { source, target } = newPair();
  const forgetful: TokenStore = {
    ...writeBy(target, () => {}),
    replace: (name, previous, value) => {
      target.replace(name, previous, value);
      return false;
    },
  };
  assert.is(await move({ source, target: forgetful }), 'moved');
  assert.equal([source.list(), target.get('app')], [[], record]);
});

test('another sign-in at the target does not end an interrupted move: the record stays where it can move again', async () => {
  for (const [present, isSameAccount] of [
    [{ ...rotated, clientId: 'other' }, undefined],
    [{ ...rotated, authority: 'other' }, undefined],
    [{ ...rotated, signedInAt: 2 }, undefined],
    [rotated, () => false],
  ] as const) {
    const pair = newPair({ ...record, signedInAt: 1 });
    await moveUntilKilled(pair, writesUntilBetween);
    pair.target.set('app', present);
    assert.is(await move({ ...pair, isSameAccount }), 'already-there');
    pair.target.delete('app');
    assert.is(await move(pair), 'moved');
    assert.equal(pair.target.get('app'), { ...record, signedInAt: 1 });
  }
});

test('a sign-in at the target by a program that takes no lock leaves the source its own', async () => {
  for (const [stored, other] of [
    [record, rotated],
    [{ accessToken: 'access' }, { accessToken: 'another' }],
  ] as const) {
    const { source, target } = newPair(stored);
    const signsIn = (method: string): void => {
      if (method === 'replace') target.set('app', other);
    };
    assert.is(await move({ source, target: writeBy(target, signsIn) }), 'already-there');
    assert.equal([source.get('app'), source.list(), target.get('app')], [stored, ['app'], other]);
  }
});

test('a record that finds another one at the target, and at the source a new one or no way back, is not lost', async () => {
  for (const [isNew, outcome, left] of [
    [true, 'already-there', ['app']],
    [false, 'lock-lost', ['moving\u001fapp']],
  ] as const) {
    const { source, target } = newPair();
    const signsIn = (method: string): void => {
      if (method !== 'replace') return;
      target.set('app', rotated);
      if (isNew) source.set('app', rotated);
    };
    const refusing = { ...writeBy(source, () => {}), replace: () => false };
    const moved = move({ source: refusing, target: writeBy(target, signsIn) });
    assert.is(await moved.catch(({ reason }) => reason), outcome);
    assert.equal(source.list(), left);
  }
});

test('while a refresh or a sign-in runs at either store, nothing moves', async () => {
  for (const lock of ['app', signInLockName('app')]) {
    for (const busy of ['source', 'target'] as const) {
      const pair = newPair();
      const ending = Promise.withResolvers<void>();
      const running = pair[busy].exclusively(lock, async () => {
        await ending.promise;
        pair.source.set('app', rotated);
      });
      const moved = move(pair);
      ending.resolve();
      await running;
      assert.is(await moved, 'moved');
      assert.equal(pair.target.get('app'), rotated);
    }
  }
});

/** Loses the locks of one store as soon as `method` of the target is called, which then refuses a compare-and-swap. */
function losesLocksAt(method: string, whose: 'source' | 'target', pair: ReturnType<typeof newPair>) {
  const lost = new AbortController();
  const onWrite = (called: string): void => {
    if (called === method) lost.abort();
  };
  const target = writeBy(pair.target, onWrite);
  target.replace = (name, previous, value) => {
    onWrite('replace');
    return !lost.signal.aborted && pair.target.replace(name, previous, value);
  };
  const stores = { source: writeBy(pair.source, () => {}), target };
  stores[whose].exclusively = (name, task, options) =>
    pair[whose].exclusively(name, () => task({ signal: lost.signal }), options);
  return stores;
}

test('a move whose lock was lost stops where it is, and the next one finishes it', async () => {
  // Before the first change at the source, and at the write at the target.
  for (const [method, whose, left] of [
    ['set', 'source', ['app']],
    ['set', 'target', ['app']],
    ['replace', 'target', ['moving\u001fapp']],
  ] as const) {
    const { source, target } = newPair();
    const error = await rejection(move(losesLocksAt(method, whose, { source, target })));
    assert.equal([error.code, error.reason, error.remedy], ['STORE_BUSY', 'lock-lost', 'Move it again']);
    assert.equal([source.list(), target.list()], [left, []]);
    assert.is(await move({ source, target }), 'moved');
    assert.equal(target.get('app'), record);
  }
});

test('a move whose lock was lost takes nothing from the process that has finished it', async () => {
  for (const late of ['app', 'moving\u001fapp']) {
    const { source, target } = newPair();
    const lost = new AbortController();
    const stalled: TokenStore = {
      ...writeBy(source, () => {}),
      delete: async (name) => {
        if (name === late) {
          lost.abort();
          assert.is(await moveRecord({ source: writeBy(source, () => {}), target, name: 'app' }), 'moved');
        }
        return source.delete(name);
      },
      exclusively: (_, task) => task({ signal: lost.signal }),
    };
    const error = await rejection(
      moveRecord({
        source: stalled,
        target: { ...writeBy(target, () => {}), exclusively: stalled.exclusively },
        name: 'app',
      }),
    );
    assert.is(error.reason, 'lock-lost');
    assert.equal([source.list(), target.get('app')], [[], record]);
  }
});

test.run();
