import { join } from 'node:path';
import { bin } from 'testing-command';
import type { Effort } from '../effort.ts';
import { digits, megabytes, spread } from '../format.ts';
import type { Bar, Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { handler, msalNode, openidClient, pythonClass, type Subject } from '../subjects.ts';
import { type Command, type Timing, timeInTurn } from '../time-commands.ts';

const bare: Command = { name: '`node -e 0`', argv: [process.execPath, '-e', '0'], printsToken: false };
const cliName = 'onedrive-token (the command)';
const columns = ['', 'wall, ms', '÷ bare Node', 'processor, ms', 'memory, MB'];

/** From the start of a process to its end, a token printed on the way. */
export async function measureStartUp(stage: Stage, { starts }: Effort): Promise<Section[]> {
  const stored = [handler, msalNode, openidClient];
  const refreshed = [...stored, ...(pythonClass ? [pythonClass] : [])];
  for (const subject of refreshed) await stage.signIn(subject);

  const fromStore = await timeInTurn([bare, cli(stage), ...stored.map((subject) => program(stage, subject))], starts);
  const byRefresh = await timeInTurn(
    [
      bare,
      expired(cli(stage), stage, handler),
      ...refreshed.map((subject) => expired(program(stage, subject), stage, subject)),
    ],
    Math.ceil(starts / 2),
  );
  const bars: Bar[] = [...fromStore].map(([name, { wall }]) => ({
    label: name.replaceAll('`', ''),
    value: wall.median,
    text: `${digits(wall.median)} ms`,
    ours: name === cliName || name === handler.name,
  }));
  return [
    {
      title: 'Start to a stored token',
      how:
        'A process starts, finds a token that is still valid in its store, prints it and ends. Processor time, and the most memory that is resident, ' +
        'are taken in runs of their own.',
      columns,
      rows: rowsOf(fromStore),
      results: { start: fromStore.get(cliName)?.ratio.median ?? Number.NaN },
      chart: { name: 'start-up', title: 'From the start of a process to a stored token', unit: 'ms', bars },
    },
    {
      title: 'Start to a refreshed token',
      how:
        'The same where the stored access token has expired: one request to the authority, on loopback, before which openid-client asks for its ' +
        'configuration, and the new tokens are stored. ' +
        'The handler and the command make sure that they are on the disk before they print; of the others only the Python class does.',
      columns,
      rows: rowsOf(byRefresh),
    },
  ];
}

/** What a program pays for having imported a package. */
export async function measureImports({ starts }: Effort): Promise<Section> {
  const nothing = '(nothing)';
  const names = [handler.name, msalNode.name, '@azure/identity', openidClient.name, 'oauth-callback'];
  const commands = [nothing, ...names].map((name): Command => {
    const code = name === nothing ? '0' : `await import('${name}')`;
    return { name, argv: [process.execPath, '--input-type=module', '-e', code], printsToken: false };
  });
  const timings = await timeInTurn(commands, starts);
  const over = (name: string): number => timings.get(name)?.over.median ?? Number.NaN;
  return {
    title: 'Import',
    how: 'What it takes to import the package and do nothing with it. The handler loads SQLite and its HTTP client when it first needs them.',
    columns: ['', 'wall over bare Node, ms', 'wall, ms', 'processor, ms', 'memory, MB'],
    rows: [...timings].map(([name, { wall, cpu, memory }]) => [
      name,
      digits(over(name)),
      spread(wall),
      spread(cpu),
      megabytes(memory.median),
    ]),
    results: { import: over(handler.name) },
    chart: {
      name: 'import',
      title: 'Importing the package, over bare Node',
      unit: 'ms',
      bars: names.map((label) => ({ label, value: Math.max(0, over(label)), ours: label === handler.name })),
    },
  };
}

function rowsOf(timings: Map<string, Timing>): string[][] {
  return [...timings].map(([name, { wall, ratio, cpu, memory }]) => [
    name,
    spread(wall),
    digits(ratio.median),
    spread(cpu),
    megabytes(memory.median),
  ]);
}

function program(stage: Stage, subject: Subject): Command {
  return { name: subject.name, argv: stage.command(subject, 'token') };
}

function expired(command: Command, stage: Stage, subject: Subject): Command {
  return { ...command, prepare: () => subject.expire?.(stage.folder) };
}

function cli(stage: Stage): Command {
  const { clientId, authority } = stage.situation(handler);
  return {
    name: cliName,
    argv: [process.execPath, bin],
    env: {
      ONEDRIVE_TOKEN_DB: join(stage.folder, 'tokens.db'),
      ONEDRIVE_TOKEN_CLIENT_ID: clientId,
      ONEDRIVE_TOKEN_AUTHORITY: authority,
    },
  };
}
