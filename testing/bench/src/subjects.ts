import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';
import { openTokenStore } from 'token-store-sqlite';

/** A package that gets tokens: ours, or one that users would use instead. */
export interface Subject {
  readonly name: string;
  /** The command line of its program in `programs`, without the mode. */
  readonly command: readonly string[];
  /** Makes its stored access token expire. */
  expire(folder: string): void;
}

const source = join(import.meta.dirname, '../programs');
const built = join(import.meta.dirname, '../dist');

/** Compiles the programs to JavaScript, so that the translation of TypeScript does not count. The measured packages stay imports. */
export async function buildPrograms(): Promise<void> {
  const bundle = await rolldown({
    input: globSync(join(source, '*.ts')),
    external: (name) => !name.startsWith('.') && !name.startsWith('/') && !name.startsWith('testing-authority'),
    platform: 'node',
  });
  await bundle.write({ dir: built, format: 'esm', chunkFileNames: '[name].js' });
  await bundle.close();
}

export const nodeProgram = (name: string): string[] => [process.execPath, join(built, `${basename(name)}.js`)];

export const handler: Subject = {
  name: 'onedrive-token-handler',
  command: nodeProgram('handler'),
  expire(folder) {
    using store = openTokenStore(join(folder, 'tokens.db'));
    const record = store.get('onedrive-token');
    if (record) store.set('onedrive-token', { ...record, expiresAt: Date.now() - 1 });
  },
};

/** With an `ICachePlugin` that keeps the cache in a file, as Microsoft's documentation shows it. */
export const msalNode: Subject = {
  name: '@azure/msal-node',
  command: nodeProgram('msal-node'),
  expire(folder) {
    changeJson(join(folder, 'msal.json'), (cache: { AccessToken: Record<string, Record<string, string>> }) => {
      const past = String(Math.floor(Date.now() / 1000) - 1);
      for (const token of Object.values(cache.AccessToken)) {
        Object.assign(token, { expires_on: past, extended_expires_on: past });
      }
    });
  },
};

/** Discovery, PKCE, state and nonce as its README shows; tokens in a JSON file. */
const openidClient: Subject = {
  name: 'openid-client',
  command: nodeProgram('openid-client'),
  expire(folder) {
    changeJson(join(folder, 'openid-client.json'), (kept: { expiresAt: number }) => {
      kept.expiresAt = Date.now() - 1;
    });
  },
};

// The path of the interpreter itself, because `python3` on PATH may be a script that looks for it.
const python = spawnSync('python3', ['-c', 'import sys, requests; print(sys.executable)'], { encoding: 'utf8' });
if (python.status !== 0)
  console.log('skipped: the Python class needs python3 with requests (Debian: apt install python3-requests)');
/** The class that this project replaces, in short. It stores no access token, and has neither PKCE nor `state`. */
export const pythonClass: Subject = {
  name: 'the Python class',
  command: [python.stdout?.trim(), join(source, 'onedrive_token_handler.py')],
  expire() {},
};

export const peers: readonly Subject[] = [msalNode, openidClient, ...(python.status === 0 ? [pythonClass] : [])];

function changeJson<T>(file: string, change: (content: T) => void): void {
  const content: T = JSON.parse(readFileSync(file, 'utf8'));
  change(content);
  writeFileSync(file, JSON.stringify(content));
}
