import { readFileSync } from 'node:fs';
import { signInAs, startAuthority } from 'testing-authority';
import { within } from 'testing-authority/within';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runModule } from './run-program.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [, first = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];

test('the sample is examples/sign-in.ts, which is compiled', () => {
  assert.is(first, readFileSync(new URL('../examples/sign-in.ts', import.meta.url), 'utf8'));
});

test('the sample signs in, if only its provider is replaced', async () => {
  await using authority = await startAuthority();
  const source = first
    .replace('https://login.microsoftonline.com/consumers/oauth2/v2.0', `${authority.url}/oauth2/v2.0`)
    .replace('11111111-2222-3333-4444-555555555555', authority.clientId);
  const program = runModule(source);
  const [, url = ''] = /^Open (http:\S+)$/.exec(`${await program.line()}`) ?? [];
  const page = await signInAs(url);
  assert.match(page.html, 'You are signed in');
  assert.is(await program.line(), '{');
  assert.is((await within('the end of the sample', program.ended)).code, 0);
});

test.run();
