import { readFileSync } from 'node:fs';
import { signInAs, startAuthority } from 'testing-authority';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { AcceptorErrorCode, AcceptorOptions, RedirectUrlReason } from '../src/index.ts';
import { runModule } from './run-program.ts';
import { within } from './within.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const [, first = ''] = /```ts\n([\s\S]*?)```/.exec(readme) ?? [];

test('the sample is examples/sign-in.ts, which is compiled', () => {
  assert.is(first, readFileSync(new URL('../examples/sign-in.ts', import.meta.url), 'utf8'));
});

/** The compiler holds them against the types, and the test against the README. */
const names: Record<keyof AcceptorOptions | AcceptorErrorCode | RedirectUrlReason, true> = {
  state: true,
  host: true,
  port: true,
  path: true,
  timeout: true,
  maxStrayRequests: true,
  issuer: true,
  signal: true,
  renderPage: true,
  ACCEPTOR_TIMEOUT: true,
  ACCEPTOR_CLOSED: true,
  ACCEPTOR_STRAY_REQUEST: true,
  ACCEPTOR_LISTEN: true,
  'not-an-address': true,
  'other-page': true,
  'no-query': true,
  'no-answer': true,
  'code-and-error': true,
  'duplicate-parameter': true,
  'wrong-state': true,
  'wrong-issuer': true,
};

test('the README has each option, code and reason', () => {
  const missing = Object.keys(names).filter((name) => !new RegExp(`\`${name}\\b`).test(readme));
  assert.equal(missing, []);
});

test('the sample signs in, if only its provider is replaced', async () => {
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

test.run();
