import { openSignedInScene } from 'testing-command';
import { noTerminal, openTerminal, sit } from 'testing-command/terminal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());
test.after.each(() => authority.clearFaults());

for (const [what, fault, args] of [
  ['accepts and never answers', { type: 'hang' }, ['api', '/me']],
  ['begins an answer and stalls', { type: 'stall' }, ['api', '/me']],
  ['stalls within a page', { type: 'stall' }, ['api', '/me/drive/root/children', '--paginate']],
  ['never begins a download', { type: 'hang' }, ['api', '/me/drive/root:/x:/content', '-o', 'x']],
] as const) {
  test(`a Graph that ${what}: 6 after --idle-timeout, with the host and the reason`, async () => {
    authority.fail('graph', fault, { times: 9 });
    const { status, stderr } = await home.call([...args, '--idle-timeout', '0.8']);
    assert.is(status, 6, stderr);
    assert.match(stderr, /^onedrive-token: no answer from 127\.0\.0\.1:\d+ within 0\.8 s\n$/);
  });
}

test('after 5 s of silence, a terminal says who is silent, and until when the command waits', async () => {
  if (!openTerminal) return console.log(noTerminal);
  authority.fail('graph', { type: 'hang' }, { times: 9 });
  using terminal = sit(home, ['api', '/me', '--idle-timeout', '25']);
  await terminal.shows(/Nothing from 127\.0\.0\.1:\d+ for 5 s, gives up after 25 s; Ctrl-C cancels/);
  terminal.type('\u0003');
  assert.is((await terminal.ended).status, 130);
});

for (const wrong of ['0', '-1', 'x', '301', '']) {
  test(`--idle-timeout ${JSON.stringify(wrong)} is wrong usage`, async () => {
    const { status, stderr } = await home.call(['api', '/me', `--idle-timeout=${wrong}`]);
    assert.is(status, 2);
    assert.match(stderr, 'Expected seconds, above 0 and at most 300.');
  });
}

test.run();
