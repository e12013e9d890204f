import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { openTokenStore } from 'token-store-sqlite';
import { programPath, scriptPath } from './build-programs.ts';

/** A package that gets tokens: ours, or one that users would use instead. */
export interface Subject {
  readonly name: string;
  readonly version: string;
  /** How it is set up here, for readers who know it. */
  readonly setup: string;
  /** The command line of its program in `src/programs`, without the mode. */
  readonly command: readonly string[];
  /** Makes its stored access token expire. Undefined if it stores nothing. */
  readonly expire?: (folder: string) => void;
  /** Whether a new process can use a stored access token. */
  readonly storesAccessToken: boolean;
}

export const handler: Subject = {
  name: 'onedrive-token-handler',
  version: 'this commit',
  setup: 'as in its README: a SQLite file; `interactive: false` if no sign-in is measured',
  command: [process.execPath, programPath('handler')],
  storesAccessToken: true,
  expire(folder) {
    using store = openTokenStore(join(folder, 'tokens.db'));
    const record = store.get('onedrive-token');
    if (record) store.set('onedrive-token', { ...record, expiresAt: Date.now() - 1 });
  },
};

export const handlerPlainFile: Subject = {
  name: 'onedrive-token-handler, plain file',
  version: 'this commit',
  setup:
    'the same with its option `store` and a JSON file like that of the peers: nothing waits for the disk, and nothing locks. ' +
    'It shows what the sign-in itself costs',
  command: [process.execPath, programPath('handler-plain-file')],
  storesAccessToken: false,
};

export const msalNode: Subject = {
  name: '@azure/msal-node',
  version: versionOf('@azure/msal-node'),
  setup:
    '`PublicClientApplication` with `acquireTokenSilent` and `acquireTokenInteractive`, and an `ICachePlugin` that keeps the cache in a file, as ' +
    "Microsoft's documentation shows it (Microsoft's own plugin, `@azure/msal-node-extensions`, needs a native build of `keytar`; it locks the cache for a read or a write, " +
    'not for a refresh). msal-node requires https, so a network client of 30 lines sends the requests for login.microsoftonline.com to the authority',
  command: [process.execPath, programPath('msal-node')],
  storesAccessToken: true,
  expire: (folder) =>
    changeJson(join(folder, 'msal.json'), (cache: { AccessToken: Record<string, Record<string, string>> }) => {
      for (const token of Object.values(cache.AccessToken)) {
        for (const field of ['expires_on', 'extended_expires_on'])
          token[field] = String(Math.floor(Date.now() / 1000) - 1);
      }
    }),
};

export const openidClient: Subject = {
  name: 'openid-client',
  version: versionOf('openid-client'),
  setup:
    'discovery, PKCE, state and nonce as its README shows; 10 lines with `node:http` wait for the answer and accept any first request; ' +
    'tokens in a JSON file',
  command: [process.execPath, programPath('openid-client')],
  storesAccessToken: true,
  expire: (folder) =>
    changeJson(join(folder, 'openid-client.json'), (kept: { expiresAt: number }) => {
      kept.expiresAt = Date.now() - 1;
    }),
};

export const oauthCallback: Subject = {
  name: 'oauth-callback',
  version: versionOf('oauth-callback'),
  setup: '`getAuthCode` as its README shows; PKCE with `node:crypto`; `fetch` redeems the code; tokens in a JSON file',
  command: [process.execPath, programPath('oauth-callback')],
  storesAccessToken: false,
};

const python = findPython();
export const pythonClass: Subject | undefined = python && {
  name: 'the Python class',
  version: `Python ${python.python}, requests ${python.requests}`,
  setup:
    'like the class that this project replaces: `http.server` for one request, `requests`, `sqlite3`. It stores only the refresh token, ' +
    'and has neither PKCE nor `state`',
  command: [python.path, scriptPath('onedrive_token_handler.py')],
  storesAccessToken: false,
  expire: () => {},
};

/** All subjects that are installed here and can sign in. */
export const subjects: readonly Subject[] = [
  handler,
  handlerPlainFile,
  msalNode,
  openidClient,
  oauthCallback,
  pythonClass,
].filter((subject) => subject !== undefined);

export function isOurs(subject: Subject): boolean {
  return subject === handler || subject === handlerPlainFile;
}

/** The version of a package that the bench depends on. */
export function versionOf(name: string): string {
  for (let folder = dirname(createRequire(import.meta.url).resolve(name)); folder !== '/'; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    const manifest: { name?: string; version?: string } = JSON.parse(readFileSync(file, 'utf8'));
    if (manifest.name === name && manifest.version) return manifest.version;
  }
  throw new Error(`${name} is not installed`);
}

/** The path of the interpreter itself, because `python3` on PATH may be a script that looks for it. */
function findPython(): { path: string; python: string; requests: string } | undefined {
  const code = 'import sys, platform, requests; print(sys.executable, platform.python_version(), requests.__version__)';
  const { status, stdout } = spawnSync('python3', ['-c', code], { encoding: 'utf8' });
  const [path, version, requests] = stdout?.trim().split(' ') ?? [];
  if (status === 0 && path && version && requests) return { path, python: version, requests };
  console.log('skipped: the Python class needs python3 with requests (Debian: apt install python3-requests)');
  return undefined;
}

function changeJson<T>(file: string, change: (content: T) => void): void {
  const content: T = JSON.parse(readFileSync(file, 'utf8'));
  change(content);
  writeFileSync(file, JSON.stringify(content));
}
