import tty from 'node:tty';
import { OneDriveTokenError, type RekeyOptions } from 'onedrive-token-handler';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseSignIns, readClientId, spareOtherClient } from '../src/session/choose-sign-ins.ts';
import { readSettings } from '../src/settings/settings.ts';
import { Failure, UsageError } from '../src/terminal/failure.ts';
import { Interrupt } from '../src/terminal/interrupt.ts';
import { Screen } from '../src/terminal/screen.ts';

// test-long/ has the same with a server.
const interrupt = new Interrupt();
test.after(() => interrupt[Symbol.dispose]());

function commandOf(app: string, db = 'postgresql://db.example/tokens', clientId?: string, ask?: () => Promise<string>) {
  const said: string[] = [];
  const screen = Object.assign(new Screen({}), { say: (text: string) => said.push(text) }, ask && { ask });
  const interactive = ask !== undefined;
  const settings = readSettings({ app, db, interactive, ...(clientId && { clientId }) }, process.env);
  return { said, settings, screen, interrupt };
}

/** A database with these app names, each with its client id, if it says one. */
function databaseOf(people: Record<string, string | undefined>): RekeyOptions {
  const get = (name: string) => ({ refreshToken: 'x', clientId: people[name] });
  return { store: { list: () => Object.keys(people), get } as never };
}

const many = databaseOf({ ada: 'ours', bob: 'ours', eve: 'theirs' });
const purpose = { verb: 'sign out', yes: true };

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, UsageError);
  return (error as UsageError).message;
}

test('in a file, all sign-ins are meant, and nothing is asked', async () => {
  const command = commandOf('ada', 'tokens.db');
  assert.equal(await chooseSignIns(command, many, { verb: 'sign out' }), ['ada', 'bob', 'eve']);
  assert.equal(command.said, []);
});

test('in PostgreSQL, those of the client id that is named, or is of the app name, are meant, and their number is said', async () => {
  for (const [command, names] of [
    [commandOf('ada'), ['ada', 'bob']],
    [commandOf('ada', undefined, 'theirs'), ['eve']],
  ] as const) {
    assert.equal(await chooseSignIns(command, many, purpose), names);
    assert.match(command.said.join(), new RegExp(` 3 sign-ins .* 2 client ids\\..* sign out ${names.length} `));
  }
  assert.equal(await chooseSignIns(commandOf('ada'), many, { ...purpose, allClients: true }), ['ada', 'bob', 'eve']);
  assert.equal(await chooseSignIns(commandOf('ada', undefined, 'nobody'), many, { verb: 'sign out' }), []);
});

test('the only client id of the table is meant, whatever the app name', async () => {
  const command = commandOf('nobody');
  assert.equal(await chooseSignIns(command, databaseOf({ ada: 'ours' }), purpose), ['ada']);
  assert.match(command.said.join(), / 1 sign-in of 1 client id\./);
});

test('sign-ins that say no client id are touched only with the option that says so', async () => {
  const unnamed = databaseOf({ ada: undefined, bob: undefined });
  assert.match(await refusal(chooseSignIns(commandOf('ada'), unnamed, purpose)), '--client-id');
  assert.equal(await chooseSignIns(commandOf('ada'), unnamed, { ...purpose, allClients: true }), ['ada', 'bob']);
});

test('a sign-in that another program has damaged says no client id; what cannot be read is an error', async () => {
  const failing = (reason: string): RekeyOptions => {
    const get = (): never => {
      throw Object.assign(new Error(reason), { code: 'STORE_CORRUPT', reason });
    };
    return { store: { list: () => ['ada'], get } as never };
  };
  assert.is(await readClientId('ada', failing('record-changed')), undefined);
  const error = await readClientId('ada', failing('damaged')).catch((reason: unknown) => reason);
  assert.instance(error, OneDriveTokenError);
});

test('on a terminal, a person types the name of the table; anything else, or Ctrl-D, changes nothing', async () => {
  const { isatty } = tty;
  tty.isatty = () => true;
  try {
    const choose = (ask: () => Promise<string>) =>
      chooseSignIns(commandOf('ada', undefined, undefined, ask), many, { verb: 'sign out' });
    assert.equal(await choose(async () => ' oauth_token '), ['ada', 'bob']);
    for (const ask of [async () => 'yes', () => Promise.reject(new Failure('nothing was typed'))])
      assert.match(await refusal(choose(ask)), /name of the table.* nothing was changed/);
    assert.is(await choose(() => Promise.reject('Ctrl-C')).catch((reason: unknown) => reason), 'Ctrl-C');
  } finally {
    tty.isatty = isatty;
  }
});

test('without a person, each is refused, with the option that would do', async () => {
  for (const [app, options, option] of [
    ['ada', { verb: 'sign out' }, '--yes'],
    ['nobody', purpose, '--client-id'],
    ['nobody', purpose, '--all-clients'],
    ['ada', { ...purpose, isOfWholeTable: true }, '--all-clients'],
  ] as const) {
    assert.match(await refusal(chooseSignIns(commandOf(app), many, options)), `${option}`);
  }
});

test("another client id's sign-in is touched only in a file, or with --yes", async () => {
  const other = { verb: 'delete', meant: 'ours', stored: 'theirs' };
  const said = await refusal(spareOtherClient(commandOf('ada'), other));
  assert.match(said, /"ada".* theirs, .* ours.* delete .*--yes/);
  const command = commandOf('ada');
  await spareOtherClient(command, { ...other, yes: true });
  assert.is(command.said.length, 1);
  for (const same of [{ stored: 'ours' }, { stored: undefined }, { meant: undefined }]) {
    await spareOtherClient(commandOf('ada'), { ...other, ...same });
  }
  await spareOtherClient(commandOf('ada', 'tokens.db'), other);
});

test.run();
