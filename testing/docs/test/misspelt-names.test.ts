import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changeEncryptionKey, listAppNames, moveTokens, OneDriveTokenHandler } from 'onedrive-token-handler';
import { readStoredToken } from 'onedrive-token-handler/stored-token';
import { SharedToken } from 'shared-token';
import { CallerQueue, TokenCipher } from 'token-store-kit';
import { storeContract, storeProcessContract } from 'token-store-kit/contract';
import { openPostgresTokenStore } from 'token-store-postgres';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

// The built packages, called as from plain JavaScript: without the help of a compiler. Packages whose own tests do so are not here.
const folder = mkdtempSync(join(tmpdir(), 'misspelt-'));
const dbFilepath = join(folder, 'tokens.db');
const store = openTokenStore(join(folder, 'other.db'));
test.after(() => {
  store.close();
  rmSync(folder, { recursive: true });
});

const app = { appName: 'a', clientId: 'c', scopes: ['Files.Read'] };
const shared = new SharedToken({ store, name: 'a', refresh: async () => ({ access_token: 'x' }) });
const handler = new OneDriveTokenHandler({ ...app, store });
const never = (): never => {
  throw new Error('it was called');
};

const calls: Record<string, Record<string, (misspelt: never) => unknown>> = {
  'token-store-kit': {
    time_out: (options) => new CallerQueue().run('a', never, options),
    domian: (options) => new TokenCipher({ key: 'k', domain: 'd', ...Object(options) }),
    opne: (options) => storeContract({ open: never, ...Object(options) }),
    new_place: (options) => storeProcessContract({ module: './store.js', ...Object(options) }),
  },
  'token-store-sqlite': {
    Key: (options) => openTokenStore(dbFilepath, options),
    readonly: (options) => openTokenStore(dbFilepath, options),
    access_token: (field) => store.set('a', { refreshToken: 'r', ...Object(field) }),
    expires_at: (field) => store.replace('a', undefined, { refreshToken: 'r', ...Object(field) }),
    timout: (options) => store.exclusively('a', never, options),
    singal: (options) => store.changed('a', { timeout: 1, ...Object(options) }),
  },
  'token-store-postgres': {
    lease_time: (options) => openPostgresTokenStore({ connectionString: 'postgresql://h/d', ...Object(options) }),
  },
  'shared-token': {
    client_id: (options) => new SharedToken({ store, name: 'a', refresh: never, ...Object(options) }),
    forceRefesh: (options) => shared.getToken(options),
    sgnal: (options) => shared.signIn(options),
  },
  'onedrive-token-handler': {
    db_filepath: (options) => new OneDriveTokenHandler({ ...app, ...Object(options) }),
    client_id: (options) => new OneDriveTokenHandler({ ...app, ...Object(options) }),
    min_valid: (options) => handler.getToken(options),
    login_hint: (options) => handler.signIn(options),
    dbFilePath: (options) => listAppNames(options),
    dbfilepath: (options) => changeEncryptionKey(options, never),
    form: (options) => moveTokens('a', { from: { store }, to: { store }, ...Object(options) }),
    app_name: (options) => readStoredToken({ ...app, ...Object(options) }),
  },
};

for (const [name, functions] of Object.entries(calls)) {
  for (const [misspelt, call] of Object.entries(functions)) {
    test(`${name}: ${misspelt} is a TypeError at once`, async () => {
      const secret = 'may be a secret';
      const attempt = async (): Promise<unknown> => call({ [misspelt]: secret } as never);
      const error = await attempt().then(
        () => new Error('nothing was thrown'),
        (reason: Error) => reason,
      );
      assert.instance(error, TypeError, error.message);
      assert.match(error.message, new RegExp(`^unknown (option|field) "${misspelt}"`));
      assert.not.match(error.message, secret);
    });
  }
}

test('no file was made', () => {
  assert.not(existsSync(dbFilepath));
});

test.run();
