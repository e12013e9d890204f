import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { openTokenStore } from 'token-store-sqlite';
import { programPath, scriptPath } from './build-programs.ts';

/** Something that gets tokens: ours, or what people would use instead. */
export interface Subject {
  readonly name: string;
  readonly version: string;
  /** How it is set up here, in a sentence for its users to judge. */
  readonly setup: string;
  /** A program of `src/programs`, before its mode. */
  readonly command: readonly string[];
  /** Puts the end of the access token that it stored into the past. Undefined where it stores nothing. */
  readonly expire?: (folder: string) => void;
  /** Whether a new process can use an access token that is stored. */
  readonly storesAccessToken: boolean;
}

export const handler: Subject = {
  name: 'onedrive-token-handler',
  version: 'this commit',
  setup: 'as in its README: a SQLite file, `interactive: false` where no sign-in is measured',
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
    'the same with its option `store`, and in it a JSON file like that of the peers: nothing waits for the disk, nothing keeps processes ' +
    'apart. Only to see what the sign-in itself costs',
  command: [process.execPath, programPath('handler-plain-file')],
  storesAccessToken: false,
};

export const msalNode: Subject = {
  name: '@azure/msal-node',
  version: versionOf('@azure/msal-node'),
  setup:
    '`PublicClientApplication` with `acquireTokenSilent` and `acquireTokenInteractive`, and an `ICachePlugin` that keeps the cache in a file, as ' +
    "Microsoft's documentation shows it (its own plugin, `@azure/msal-node-extensions`, needs a native build of `keytar`; its lock keeps processes apart while they read or write " +
    'the cache, not while they refresh). A network client of ' +
    '30 lines on `fetch` sends to the authority what is meant for login.microsoftonline.com, because it insists on https',
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
    'discovery, PKCE, state and nonce as its README shows, an acceptor of 10 lines on `node:http` that takes the first request for the ' +
    'answer, tokens in a JSON file',
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
  setup:
    '`getAuthCode` as its README shows, PKCE by `node:crypto`, the code redeemed by `fetch`, tokens in a JSON file',
  command: [process.execPath, programPath('oauth-callback')],
  storesAccessToken: false,
};

const python = findPython();
export const pythonClass: Subject | undefined = python && {
  name: 'the Python class',
  version: `Python ${python.python}, requests ${python.requests}`,
  setup:
    'the shape of the class that this project replaces: `http.server` for one request, `requests`, `sqlite3`; it stores the refresh token only, ' +
    'and knows neither PKCE nor `state`',
  command: [python.path, scriptPath('onedrive_token_handler.py')],
  storesAccessToken: false,
  expire: () => {},
};

/** All that are installed here, and sign in. */
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

/** The interpreter itself: what is on PATH may be a script that looks for one first. */
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
