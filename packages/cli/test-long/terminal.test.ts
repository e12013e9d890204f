import { approveDevice } from 'testing-authority';
import { test as always } from 'uvu';
import * as assert from 'uvu/assert';
import { CliHome, openScene } from '../test/fixtures/cli-home.ts';
import { noTerminal, openTerminal, sit } from '../test/fixtures/terminal.ts';

const { home, authority, ...scene } = await openScene({ deviceInterval: 0 });
always.after(() => scene[Symbol.asyncDispose]());

if (!openTerminal) console.log(noTerminal);
const test = openTerminal ? always : always.skip;
const clientId = ['--client-id', authority.clientId];

test('--device draws no QR code where it would not fit or not be understood', async () => {
  for (const [env, cols] of [
    [{}, 20],
    [{ LANG: 'C', LC_ALL: 'C' }, 100],
  ] as const) {
    using other = new CliHome(home.env);
    using terminal = sit(other, ['login', '--device', ...clientId], env, cols);
    const [, uri = '', code = ''] = await terminal.shows(/open {3}(\S+)\r\n.*code {4}(\S+)\r\n/);
    assert.not.match(terminal.output, /[▀▄█]/);
    await approveDevice(uri, code);
    await terminal.shows(/Signed in as Someone/);
    assert.is((await terminal.ended).status, 0);
  }
});

test('a wrong passphrase is asked for three times: 7', async () => {
  using other = new CliHome(home.env);
  await other.login(clientId, { env: { ONEDRIVE_TOKEN_KEY: 'pass phrase' } });
  using hopeless = sit(other, []);
  for (const times of [1, 2, 3]) {
    await hopeless.shows(new RegExp(`(Passphrase of .*: [\\s\\S]*){${times}}`));
    hopeless.type('wrong\r');
  }
  assert.is((await hopeless.ended).status, 7);
});

always.run();
