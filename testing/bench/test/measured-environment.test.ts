import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Program } from '../src/program.ts';
import { timeInTurn } from '../src/time-commands.ts';

/** What a developer's machine may have, and what costs a program time or changes what it does. */
const ofTheMachine = {
  NODE_EXTRA_CA_CERTS: '/nowhere.pem',
  NODE_COMPILE_CACHE: '/nowhere',
  NODE_OPTIONS: '--no-warnings',
  npm_config_registry: 'http://127.0.0.1:1',
  HTTPS_PROXY: 'http://127.0.0.1:1',
  https_proxy: 'http://127.0.0.1:1',
  SSL_CERT_FILE: '/nowhere.pem',
  REQUESTS_CA_BUNDLE: '/nowhere.pem',
  ONEDRIVE_TOKEN_DB: '/nowhere.db',
};
const names = JSON.stringify(Object.keys(ofTheMachine));
const found = `${names}.filter((name) => process.env[name] !== undefined)`;

test.before(() => void Object.assign(process.env, ofTheMachine));
test.after(() => {
  for (const name of Object.keys(ofTheMachine)) delete process.env[name];
});

test('a program that is told to work gets no proxy, certificate or setting of this machine', async () => {
  const source = `console.log(JSON.stringify({ token: String(${found}), open: String(Boolean(process.env.PATH)) }))`;
  await using program = new Program([process.execPath, '-e', source]);
  assert.equal(await program.nextLine(), { token: '', open: 'true' });
});

test('neither does a command that is timed, but it gets its own', async () => {
  const source = `process.exitCode = String(${found}) === 'ONEDRIVE_TOKEN_DB' && process.env.ONEDRIVE_TOKEN_DB === 'own' ? 0 : 9`;
  const command = { name: 'looks', argv: [process.execPath, '-e', source], printsToken: false };
  await timeInTurn([{ ...command, env: { ONEDRIVE_TOKEN_DB: 'own' } }], 1, { asksUsage: false });
  const early = timeInTurn([command], 1, { asksUsage: false });
  assert.match(String(await early.catch((error) => error)), 'ended with 9');
});

test.run();
