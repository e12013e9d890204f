import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { until } from 'testing-authority/until';
import { bin, commandNode, openSignedInScene } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const { home, authority, ...scene } = await openSignedInScene();
test.after(() => scene[Symbol.asyncDispose]());

const asProcessOne = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
const isPossible = spawnSync('unshare', [...asProcessOne, 'true'], { stdio: 'ignore' }).status === 0;
if (!isPossible) console.log('skipped: there are no namespaces here');

for (const [args, endpoint, says] of [
  [['doctor'], 'graph', undefined],
  [['token', '--refresh'], 'token', /interrupt again/],
] as const) {
  (isPossible ? test : test.skip)(`in a container, as process 1, ${args[0]} ends at Ctrl-C as elsewhere`, async () => {
    authority.fail(endpoint, { type: 'hang' }, { times: 9 });
    const before = authority.count(endpoint);
    const running = home.startProgram('unshare', [...asProcessOne, commandNode, bin, ...args]);
    await until(() => authority.count(endpoint) > before);
    const { pid } = running.child;
    const press = (): boolean =>
      process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')), 'SIGINT');
    press();
    if (says) {
      await running.says(says);
      press();
    }
    assert.is((await running.ended).status, 130);
  });
}

test.run();
