import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FileTokenStoreOptions, openFileTokenStore, type TokenRecord, TokenStoreError } from '../src/index.ts';

/** A file with this text, if there is one. */
function newPath(text?: string | Buffer): string {
  const path = join(temporaryDirectory(), 'auth');
  if (text !== undefined) writeFileSync(path, text);
  return path;
}

/** Lines as a tool may write them: `account NAME TOKEN`, among others that are not ours. */
const lines: Required<FileTokenStoreOptions> = {
  parse: (text) =>
    Object.fromEntries(
      Array.from(text.matchAll(/^account (\S+) (\S+)$/gm), ([, name = '', refreshToken = '']) => [
        name,
        { refreshToken },
      ]),
    ),
  format(records, before = '') {
    const left = { ...records };
    const kept = before.replace(/^account (\S+) \S+(\r?\n)/gm, (_, name: string, end: string) => {
      const { [name]: record } = left;
      delete left[name];
      return record ? `account ${name} ${record.refreshToken}${end}` : '';
    });
    return (
      kept +
      Object.entries(left)
        .map(([name, record]) => `account ${name} ${record.refreshToken}\n`)
        .join('')
    );
  },
};

test('a name whose record is undefined has none', () => {
  using store = openFileTokenStore(newPath('ada'), { parse: (text) => ({ [text]: undefined }), format: () => '' });
  assert.equal(store.list(), []);
});

test('set, replace and delete give `format` the text of the file, byte for byte, and write what it returns', async () => {
  const [a, b, c, d] = [
    '\ufeff# my tool\r\n\t colour=  red\u00a0\r\r\n',
    '{ "big": 12345678901234567890.10, "twice": 1e400,\r\n"twice": -0 } // \u{1f511} e\u0301 \u00e9\n\0\n',
    'unknown\\u0041 = "\\/"\n\n',
    ' # no account eve\n',
  ];
  const path = newPath(`${a}account ada one\r\n${b}account bob two\n${c}${d}`);
  using store = openFileTokenStore(path, lines);
  const bytesAfter = async (change: Promise<unknown>) => {
    assert.is.not(await change, false);
    return readFileSync(path);
  };
  assert.equal(store.list(), ['ada', 'bob']);
  for (const [change, text] of [
    [() => store.replace('bob', 'two', { refreshToken: '3' }), `${a}account ada one\r\n${b}account bob 3\n${c}${d}`],
    [() => store.set('ada', { refreshToken: '4' }), `${a}account ada 4\r\n${b}account bob 3\n${c}${d}`],
    [() => store.set('eve', { refreshToken: '5' }), `${a}account ada 4\r\n${b}account bob 3\n${c}${d}account eve 5\n`],
    [() => store.delete('ada'), `${a}${b}account bob 3\n${c}${d}account eve 5\n`],
  ] as const) {
    assert.equal(await bytesAfter(change()), Buffer.from(text));
  }
  assert.is(await store.replace('bob', 'two', { refreshToken: '6' }), false);
  assert.is(await store.delete('ada'), false);
});

test('what another program has written since the store was opened is in `before`', async () => {
  const path = newPath('account ada one\n');
  using store = openFileTokenStore(path, lines);
  store.get('ada');
  writeFileSync(path, 'account ada one\naccount eve nine\nnew=1\n');
  await store.set('ada', { refreshToken: 'two' });
  assert.is(readFileSync(path, 'utf8'), 'account ada two\naccount eve nine\nnew=1\n');
});

test('without a file, `before` is undefined', async () => {
  const path = newPath();
  const seen: unknown[] = [];
  const format: typeof lines.format = (records, before) => {
    seen.push(before);
    return lines.format(records, before);
  };
  using store = openFileTokenStore(path, { ...lines, format });
  await store.set('ada', { refreshToken: 'one' });
  assert.equal(seen, [undefined]);
});

const isDamaged = (path: string) => (error: TokenStoreError) => {
  assert.equal([error.code, error.reason, error.path], ['STORE_CORRUPT', 'damaged', path]);
  assert.not.match(inspect(error), 'secret');
  return true;
};
const damages: Record<string, [text: string | Buffer, options?: FileTokenStoreOptions]> = {
  'cut off': ['{ "version": 1, "records": { "app": { "refreshToken": "secret'],
  'of another program': ['{ "name": "secret" }'],
  'no object': ['null'],
  'blank, but not empty': [' \n'],
  'records that are none': ['{ "version": 1, "records": 5 }'],
  'of no version': ['{ "version": "1", "records": {} }'],
  'a record with a field of another type': [
    '{ "version": 1, "records": { "app": { "refreshToken": 5, "x": "secret" } } }',
  ],
  'not UTF-8': [Buffer.from('account ada secret\xff\n', 'latin1'), lines],
  'what `parse` of the caller refuses': [
    'secret',
    {
      ...lines,
      parse(text) {
        throw Object.assign(new Error(text), { code: 'PARSE' });
      },
    },
  ],
};
for (const [what, [text, options]] of Object.entries(damages)) {
  test(`a damaged file is STORE_CORRUPT, quotes nothing, and stays as it is: ${what}`, async () => {
    const path = newPath(text);
    using store = openFileTokenStore(path, options);
    assert.throws(() => store.get('app'), isDamaged(path));
    const writes = [
      store.set('app', { refreshToken: 'new' }),
      store.replace('app', undefined, { refreshToken: 'new' }),
    ];
    for (const write of [...writes, store.delete('app')]) {
      isDamaged(path)(
        await write.then(
          () => assert.unreachable(),
          (error) => error,
        ),
      );
    }
    assert.equal(readFileSync(path), Buffer.from(text));
  });
}

test('our JSON of a newer version is STORE_VERSION, and stays as it is', async () => {
  const text = '{ "version": 2, "records": [] }';
  const path = newPath(text);
  using store = openFileTokenStore(path);
  const error = await store.delete('app').catch((reason: unknown) => reason);
  assert.is((error as TokenStoreError).code, 'STORE_VERSION');
  assert.match((error as TokenStoreError).message, `${path}: was written by a newer version`);
  assert.is(readFileSync(path, 'utf8'), text);
});

test('an empty file has no records', async () => {
  const path = newPath('');
  using store = openFileTokenStore(path);
  assert.equal(store.list(), []);
  await store.set('app', { refreshToken: 'one' });
  assert.is(
    readFileSync(path, 'utf8'),
    '{\n  "version": 1,\n  "records": {\n    "app": {\n      "refreshToken": "one"\n    }\n  }\n}\n',
  );
});

const wrong: Record<string, typeof lines.format> = {
  'without the record': () => 'account bob one\n',
  'with another token': () => 'account ada other\naccount bob one\n',
  'that is no text': () => 5 as never,
  'with half a surrogate pair': () => 'account ada two\naccount bob one\n\ud800',
  'that keeps the old one': (_, before = '') => before,
  'without the record of another name': () => 'account ada two\n',
};
for (const [what, format] of Object.entries(wrong)) {
  test(`a text of \`format\` ${what} is not written, so that no sign-in is lost`, async () => {
    const text = 'account ada one\naccount bob one\n';
    const path = newPath(text);
    using store = openFileTokenStore(path, { ...lines, format });
    const error = await store.set('ada', { refreshToken: 'two' }).catch((reason: unknown) => reason);
    assert.ok(error instanceof TypeError || error instanceof TokenStoreError, inspect(error));
    assert.match((error as Error).message, /format/);
    assert.is(readFileSync(path, 'utf8'), text);
  });
}

test('a delete that `format` does not make rejects: the person is still signed in', async () => {
  const path = newPath('account ada one\n');
  using store = openFileTokenStore(path, { ...lines, format: (_, before = '') => before });
  const error = await store.delete('ada').catch((reason: unknown) => reason);
  assert.ok(error instanceof TypeError, inspect(error));
  assert.match(error.message, /format/);
  assert.equal(store.list(), ['ada']);
});

test('an argument of a wrong type is a TypeError that names it', async () => {
  using store = openFileTokenStore(newPath());
  const [five, record] = [5 as never, { refreshToken: 'one' }];
  const calls: [name: string, call: () => unknown][] = [
    ['name', () => store.get(five)],
    ['name', () => store.set(five, record)],
    ['name', () => store.replace(five, undefined, record)],
    ['previous', () => store.replace('app', five, record)],
    ['name', () => store.delete(five)],
    ['name', () => store.exclusively(five, async () => {})],
    ['name', () => store.changed(five, { timeout: 0 })],
    ['path', () => openFileTokenStore(five)],
  ];
  for (const [name, call] of calls) {
    const error = (await (async () => call())().catch((reason) => reason)) as Error;
    assert.equal([error?.name, error?.message], ['TypeError', `${name} must be a string, not 5`]);
  }
});

test('what `format` throws reaches the caller, and the next write works', async () => {
  const path = newPath();
  const failure = new Error('from format');
  let fails = true;
  const format: typeof lines.format = (records: Readonly<Record<string, TokenRecord>>, before) => {
    if (fails) throw failure;
    return lines.format(records, before);
  };
  using store = openFileTokenStore(path, { ...lines, format });
  assert.is(await store.set('ada', { refreshToken: 'one' }).catch((error: unknown) => error), failure);
  fails = false;
  await store.set('ada', { refreshToken: 'one' });
});

for (const [what, path, options] of [
  ['an empty path', '', {}],
  ['a path with a NUL', 'a\0b', {}],
  ['parse alone: format is missing', 'a', { parse: lines.parse }],
  ['format alone: parse is missing', 'a', { format: lines.format }],
  ['an unknown option', 'a', { ...lines, pars: lines.parse }],
  ['a parse that is no function: parse must be a function', 'a', { parse: {}, format: lines.format }],
] as const) {
  test(`TypeError for ${what}`, () => {
    assert.throws(
      () => openFileTokenStore(path as string, options as never),
      (error: Error) => error.name === 'TypeError' && error.message.includes(what.split(': ')[1] ?? ''),
    );
  });
}

for (const [what, found] of [
  ['a promise', Promise.resolve({ ada: { refreshToken: 'one' } })],
  ['a Map', new Map([['ada', { refreshToken: 'one' }]])],
  ['a number', 5],
  ['a list', []],
] as const) {
  test(`a parse that returns ${what} has not found that nobody is signed in`, async () => {
    const path = newPath('account ada one\n');
    using store = openFileTokenStore(path, { ...lines, parse: () => found as never });
    assert.throws(() => store.get('ada'), isDamaged(path));
    assert.throws(() => store.list(), isDamaged(path));
    isDamaged(path)((await store.delete('ada').catch((error: unknown) => error)) as TokenStoreError);
  });
}

test('format may change the records that it gets', async () => {
  const path = newPath();
  const reverse = (token = '') => [...token].reverse().join('');
  using store = openFileTokenStore(path, {
    parse: (text) => ({ ada: { refreshToken: reverse(text) } }),
    format({ ada = {} }) {
      ada.refreshToken = reverse(ada.refreshToken);
      return ada.refreshToken;
    },
  });
  await store.set('ada', { refreshToken: 'one' });
  assert.is(readFileSync(path, 'utf8'), 'eno');
  assert.equal(store.get('ada'), { refreshToken: 'one' });
});

test.run();
