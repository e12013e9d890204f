import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TokenResponse } from '../src/index.ts';

const packages = fileURLToPath(new URL('../..', import.meta.url));
const tokens = { access_token: 'new', refresh_token: 'r2', expires_in: 3600 };
const access = { token: { value: 'new', expiry: new Date(Date.now() + 3_600_000) }, refreshToken: { value: 'r2' } };

interface Tool {
  readonly name: string;
  /** Code with the words that its program looks for. */
  readonly code: string;
  readonly text: string;
  /** What the arguments of `refreshForAll` are, after the path. */
  readonly args: readonly unknown[];
  /** Undoes the refresh in the text. */
  undo(text: string): string;
}

const accounts = [
  { serverName: 'other', token: { accessToken: 'old', refreshToken: 'r1', x: [1.5, null] }, 'not ours': { a: {} } },
  { serverName: 'race', token: { accessToken: 'old', refreshToken: 'r1', tokenType: 'Bearer', expiresAt: 1 }, x: [{}] },
];
const tools: Record<string, Tool> = {
  wrangler: {
    name: 'wrangler',
    code: 'async function refreshToken(storage, ctx) { const { path } = storage; }',
    text: '\ufeff# by hand \t\r\n\toauth_token = "x"\noauth_token = "old"\r\nbig = 12345678901234567890 # \0\nbig = 1\nrefresh_token = "r1"\nexpiration_time = "T"\nscopes = [ "a",  "b" ]',
    args: [async () => access],
    undo: (text) =>
      text
        .replace(/"new"/, '"old"')
        .replace(/"r2"/, '"r1"')
        .replace(/"20.*Z"/, '"T"'),
  },
  vercel: {
    name: 'vercel',
    code: 'class Client { async ensureAuthorized() { let tokenResponse; } }',
    text: `${JSON.stringify({ '// Note': ' \u00e9', token: 'old', x: [{ y: null }], expiresAt: 1, refreshToken: 'r1', z: '' }, null, 2)}\n`,
    args: [async (): Promise<TokenResponse> => tokens],
    undo: (text) =>
      text
        .replace('"new"', '"old"')
        .replace('"r2"', '"r1"')
        .replace(/(?<="expiresAt": )\d+/, '1'),
  },
  gemini: {
    name: '@google/gemini-cli-core',
    code: 'class Provider { async getValidTokenWithMetadata() { try { return 1; } finally { } } }',
    text: JSON.stringify(accounts, null, 2),
    args: ['race', async (): Promise<TokenResponse> => tokens],
    undo(text) {
      const [other, { updatedAt, ...race }] = JSON.parse(text);
      const token = { ...race.token, accessToken: 'old', refreshToken: 'r1', expiresAt: 1 };
      assert.equal([race.token.accessToken, race.token.refreshToken], ['new', 'r2']);
      assert.ok(updatedAt > 1 && race.token.expiresAt > 1);
      return JSON.stringify([other, { ...race, token }], null, 2);
    },
  },
};

for (const [program, { name, code, text, args, undo }] of Object.entries(tools)) {
  test(`the edited ${program} refreshes in its own file, and leaves all else in it as it was`, async () => {
    const folder = temporaryDirectory();
    const modules = join(folder, 'node_modules');
    const file = join(modules, name, 'tool.js');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(join(modules, name, 'package.json'), '{ "type": "module" }');
    writeFileSync(file, `export { refreshForAll };\n${code}\n`);
    for (const ours of ['shared-token', 'token-store-file']) {
      symlinkSync(join(packages, ours), join(modules, ours), 'junction');
    }
    const example = fileURLToPath(new URL(`../examples/adopting/${program}.ts`, import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [example, folder], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    assert.is(status, 0, stderr);
    const { refreshForAll } = await import(file);
    const path = join(folder, 'tokens');
    writeFileSync(path, text);
    await refreshForAll(path, ...args);
    const after = readFileSync(path, 'utf8');
    assert.match(after, '"r2"');
    assert.is(undo(after), text);
  });
}

test.run();
