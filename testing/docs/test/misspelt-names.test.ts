import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAcceptor, readRedirectUrl } from 'loopback-acceptor';
import { changeEncryptionKey, listAppNames, moveTokens, OneDriveTokenHandler } from 'onedrive-token-handler';
import { readStoredToken } from 'onedrive-token-handler/stored-token';
import { SharedToken } from 'shared-token';
import { CallerQueue, TokenCipher } from 'token-store-kit';
import { storeContract } from 'token-store-kit/contract';
import { openPostgresTokenStore } from 'token-store-postgres';
import { openTokenStore } from 'token-store-sqlite';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

// The built packages, called as from plain JavaScript: without the help of a compiler.
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
  'loopback-acceptor': {
    'prot port': (options) => openAcceptor({ state: 's', ...Object(options) }),
    'redirect_uri redirectUri': (options) => readRedirectUrl('code=1', { state: 's', ...Object(options) }),
  },
  'token-store-kit': {
    'time_out timeout': (options) => new CallerQueue().run('a', never, options),
    'domian domain': (options) => new TokenCipher({ key: 'k', domain: 'd', ...Object(options) }),
    'opne open': (options) => storeContract({ open: never, ...Object(options) }),
  },
  'token-store-sqlite': {
    'Key key': (options) => openTokenStore(dbFilepath, options),
    'readonly readOnly': (options) => openTokenStore(dbFilepath, options),
    'access_token accessToken': (field) => store.set('a', { refreshToken: 'r', ...Object(field) }),
    'expires_at expiresAt': (field) => store.replace('a', undefined, { refreshToken: 'r', ...Object(field) }),
    'timout timeout': (options) => store.exclusively('a', never, options),
    'singal signal': (options) => store.changed('a', { timeout: 1, ...Object(options) }),
  },
  'token-store-postgres': {
    'lease_time leaseTime': (options) =>
      openPostgresTokenStore({ connectionString: 'postgresql://h/d', ...Object(options) }),
  },
  'shared-token': {
    'client_id clientId': (options) => new SharedToken({ store, name: 'a', refresh: never, ...Object(options) }),
    'forceRefesh forceRefresh': (options) => shared.getToken(options),
    'sgnal signal': (options) => shared.signIn(options),
  },
  'onedrive-token-handler': {
    'db_filepath dbFilepath': (options) => new OneDriveTokenHandler({ ...app, ...Object(options) }),
    'client_id clientId': (options) => new OneDriveTokenHandler({ ...app, ...Object(options) }),
    'min_valid minValid': (options) => handler.getToken(options),
    'login_hint loginHint': (options) => handler.signIn(options),
    'dbFilePath dbFilepath': (options) => listAppNames(options),
    'dbfilepath dbFilepath': (options) => changeEncryptionKey(options, never),
    'form from': (options) => moveTokens('a', { from: { store }, to: { store }, ...Object(options) }),
    'app_name appName': (options) => readStoredToken({ ...app, ...Object(options) }),
  },
};

for (const [name, functions] of Object.entries(calls)) {
  for (const [names, call] of Object.entries(functions)) {
    const [misspelt = ''] = names.split(' ');
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
