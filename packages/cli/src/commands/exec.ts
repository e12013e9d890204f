import { setImmediate } from 'node:timers/promises';
import { openTokenSource } from '../session/token-source.ts';
import { type Command, defineCommand } from '../settings/command.ts';
import { execMinValidMs, minValidOption } from '../settings/options.ts';
import { runWithToken } from './give-token.ts';
import { obtainToken } from './token.ts';

export const exec = defineCommand({
  name: 'exec',
  summary: 'run a program with the token in its environment',
  description: `Runs a program with the token in the variable ONEDRIVE_TOKEN, which other users can't read. The token is valid for 30 minutes or longer if the provider's tokens are. Ends with the program's status: 128 + n if signal n killed it, 126 if it cannot be executed, 127 if it is not found. Passes signals on to the program, except SIGINT and SIGQUIT on a terminal: a terminal sends Ctrl-C to the program itself. The program does not get ONEDRIVE_TOKEN_KEY, nor ONEDRIVE_TOKEN_DB if there is a password in it. If --db or ONEDRIVE_TOKEN_DB names a PostgreSQL database, it does not get PGPASSWORD and PGPASSFILE either.`,
  examples: [
    ['onedrive-token exec -- ./backup.sh --full', 'everything after -- is passed to the program'],
    ['onedrive-token exec --min-valid 50m -- ./long.sh', 'a token that is nearly fresh'],
    ['onedrive-token exec -- python3 backup.py', "reads os.environ['ONEDRIVE_TOKEN']"],
  ],
  arguments: [
    { name: '<program>', description: 'the program to run' },
    { name: '[args...]', description: 'its arguments' },
  ],
  options: {
    minValid: {
      ...minValidOption,
      description:
        "how long the token has to be valid at least (default: 30m, or less if the provider's tokens are shorter)",
    },
  },
  runsProgram: true,
  async run(command, { minValid }, program) {
    const token = await getToken(command, minValid);
    const { interrupt, settings } = command;
    // A signal that arrived during the storing of the token is reported in one of the next two turns of the event loop.
    for (const _ of [1, 2]) await setImmediate();
    interrupt.signal.throwIfAborted();
    const ended = runWithToken(token, program, settings);
    // Not before `runWithToken` listens for signals, or a signal in between would be lost.
    interrupt[Symbol.dispose]();
    return ended;
  },
});

async function getToken(command: Command, minValid: number | undefined): Promise<string> {
  await using session = await openTokenSource(command);
  return (await obtainToken(command, session, { minValid, wishedMs: execMinValidMs })).accessToken;
}
