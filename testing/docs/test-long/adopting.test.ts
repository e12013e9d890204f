// Takes about 3 s.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { storeContract } from 'token-store-kit/contract';
import { test } from 'uvu';
import { MarkdownFile } from '../src/markdown-file.ts';
import { root } from '../src/repository.ts';

const folder = mkdtempSync(join(tmpdir(), 'adopting-'));
const secrets = new Map<string, string>();
Object.assign(globalThis, {
  keychain: {
    read: (account: string) => secrets.get(account),
    write: (account: string, secret: string) => void secrets.set(account, secret),
    remove: (account: string) => secrets.delete(account),
    accounts: () => [...secrets.keys()],
  },
});
const { samples } = new MarkdownFile('docs/adopting.md');
const code = samples.find(({ heading }) => heading === 'Is it in a keychain?')?.code ?? '';
symlinkSync(join(root, 'testing/docs/node_modules'), join(folder, 'node_modules'), 'junction');
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
writeFileSync(join(folder, 'store.ts'), code.replace('/home/ada/.my-tool/locks.json', join(folder, 'locks.json')));
const { store } = await import(pathToFileURL(join(folder, 'store.ts')).href);

for (const { name, run } of storeContract({ open: () => store, share: () => store, close: () => secrets.clear() }))
  test(`the store in a keychain: ${name}`, run);

test.after(() => rmSync(folder, { recursive: true }));
test.run();
