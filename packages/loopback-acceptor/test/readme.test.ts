import { readFileSync } from 'node:fs';
import { signInAs, startAuthority } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runModule } from './run-program.ts';
import { within } from './within.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [first = '', second = ''] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, sample]) => sample);

test('the first sample is examples/sign-in.ts, which is compiled', () => {
  assert.is(first, readExample('sign-in'));
});

test('the sample for msal-node is in examples/msal-node.ts, which is compiled and run', () => {
  const unindented = readExample('msal-node').replace(/^ {2}/gm, '');
  assert.ok(unindented.includes(second));
});

test('the first sample signs in, if only its provider is replaced', async () => {
  await using authority = await startAuthority();
  const source = first
    .replace('https://login.microsoftonline.com/consumers/oauth2/v2.0', `${authority.url}/oauth2/v2.0`)
    .replace('11111111-2222-3333-4444-555555555555', authority.clientId);
  await using program = runModule(source);
  const [, url = ''] = /^Open (http:\S+)$/.exec(await program.nextLine()) ?? [];
  const page = await signInAs(url);
  assert.match(page.html, 'You are signed in');
  assert.is(await program.nextLine(), '{');
  const { status, stderr } = await within(5_000, 'the end of the sample', program.ended);
  assert.is(stderr, '');
  assert.is(status, 0);
});

function readExample(name: string): string {
  return readFileSync(new URL(`../examples/${name}.ts`, import.meta.url), 'utf8');
}

test.run();
