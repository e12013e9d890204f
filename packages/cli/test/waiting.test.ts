import { mock } from 'node:test';
import type { TokenEvent } from 'onedrive-token-handler';
import { until } from 'testing-authority/until';
import { CliHome, openScene } from 'testing-command';
import { callOnTerminal, noTerminal, openTerminal, sit } from 'testing-command/terminal';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { SignInView } from '../src/session/sign-in-view.ts';
import type { Command } from '../src/settings/command.ts';

const { home, authority, ...scene } = await openScene({ deviceInterval: 0 });
always.after(() => scene[Symbol.asyncDispose]());
always.after.each(() => authority.clearFaults());

if (!openTerminal) console.log(noTerminal);
const test = openTerminal ? always : always.skip;
const clientId = ['--client-id', authority.clientId];

/** Holds the next answer of the token endpoint until `release` is called. */
function holdToken(): { release: () => void; isReached: () => boolean } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const before = authority.count('token');
  authority.fail('token', { type: 'held', until: promise }, { times: 1 });
  return { release: resolve, isReached: () => authority.count('token') > before };
}

test('before a browser opens for token, one line says that no sign-in is stored', async () => {
  using other = new CliHome(home.env);
  using terminal = callOnTerminal(other, [...clientId, '--app', 'family']);
  await terminal.shows(/^.*"family".*\.\r\n/);
  assert.is((await terminal.ended).status, 0);
});

for (const ended of [undefined, 'signed-in', 'sign-in-failed'] as const) {
  always(
    `after 15 s, ${ended ? `nothing more is said of a sign-in that has ended: ${ended}` : 'a sign-in gets help'}`,
    () => {
      mock.timers.enable({ apis: ['setTimeout'] });
      const said: string[] = [];
      const screen = { canRewrite: true, say: (text: string) => said.push(text), spin() {}, clear() {} };
      const command = { screen } as unknown as Command;
      const view = new SignInView(command, true);
      view.onEvent({ type: 'sign-in-started', method: 'browser', reason: 'requested', expiresAt: 0 } as TokenEvent);
      view.onEvent({ type: 'authorization-url', url: 'https://id.example/authorize' } as TokenEvent);
      if (ended) view.onEvent({ type: ended } as TokenEvent);
      mock.timers.tick(14_999);
      assert.equal(said, []);
      mock.timers.tick(1);
      mock.timers.reset();
      assert.is(said.length, ended ? 0 : 2);
      if (!ended) assert.match(said.join(), /https:\/\/id\.example\/authorize.*https:\/\/\S+\.md#/s);
      // A later error is not about a sign-in that has succeeded.
      assert.is(command.signInMethod, ended === 'signed-in' ? undefined : 'browser');
    },
  );
}

test('a refresh that takes more than a second, also after a retry, says what it waits for', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId);
  other.expireTokens();
  authority.fail('token', { type: 'status', status: 503 }, { times: 1 });
  const held = holdToken();
  using terminal = callOnTerminal(other, ['--no-interactive']);
  await terminal.shows(/Ctrl-C/);
  held.release();
  assert.is((await terminal.ended).status, 0);
  assert.match(terminal.output, /Ctrl-C.*\r\n\S{40,}\r\n$/);
});

test('Ctrl-C while the code is exchanged: the sign-in is kept, and the command says so', async () => {
  using other = new CliHome(home.env);
  const held = holdToken();
  using terminal = sit(other, ['login', ...clientId]);
  await until(held.isReached);
  terminal.type('\u0003');
  await terminal.shows(/onedrive-token: /);
  held.release();
  await terminal.shows(/Interrupted\. .*run: onedrive-token logout --client-id/);
  assert.is((await terminal.ended).status, 130);
  assert.is((await other.call(['status'])).status, 0);
});

test('Ctrl-C before the person has answered: nothing is stored, and nothing else is claimed', async () => {
  using other = new CliHome(home.env);
  using terminal = sit(other, ['login', ...clientId], { BROWSER: 'true' });
  await terminal.shows(/Ctrl-C/);
  terminal.type('\u0003');
  await terminal.shows(/Interrupted\.\s*$/);
  assert.is((await terminal.ended).status, 130);
  assert.is((await other.call(['status'])).status, 3);
});

always.run();
