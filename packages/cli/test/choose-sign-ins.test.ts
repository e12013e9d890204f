import type { RekeyOptions } from 'onedrive-token-handler';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chooseSignIns, spareOtherClient } from '../src/session/choose-sign-ins.ts';
import { readSettings } from '../src/settings/settings.ts';
import { UsageError } from '../src/terminal/failure.ts';
import { Interrupt } from '../src/terminal/interrupt.ts';
import { Screen } from '../src/terminal/screen.ts';

// test-long/ has the same with a server.
const interrupt = new Interrupt();
test.after(() => interrupt[Symbol.dispose]());

function commandOf(app: string, db = 'postgresql://db.example/tokens', clientId?: string) {
  const said: string[] = [];
  const screen = Object.assign(new Screen({}), { say: (text: string) => said.push(text) });
  const settings = readSettings({ app, db, interactive: false, ...(clientId && { clientId }) }, process.env);
  return { said, settings, screen, interrupt };
}

/** A database with these app names, each with its client id. */
function databaseOf(people: Record<string, string>): RekeyOptions {
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
