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

/** From the start of a process, which prints a token, to its end. */
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
  const fast = [msalNode, openidClient, ...(pythonClass ? [pythonClass] : [])];
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
        'A process starts, finds a valid token in its store, prints it and ends. Processor time and the highest resident memory are measured ' +
        'in runs of their own.',
      columns,
      rows: rowsOf(fromStore),
      results: { start: ratioOf(fromStore, cliName), handlerStart: ratioOf(fromStore, handler.name) },
      headlines: [{ what: 'start of a process to a stored token, ms', cells: cellsOf(fromStore) }],
      chart: { name: 'start-up', title: 'From the start of a process to a stored token', unit: 'ms', bars },
    },
    {
      title: 'Start to a refreshed token',
      how:
        'The same, but the stored access token has expired. So the process sends one request to the authority, on loopback, and stores the new tokens; ' +
        'openid-client first asks for the configuration. ' +
        'The handler, the command and the Python class print the token only when the new tokens are on the disk. The others do not wait for the disk.',
      columns,
      rows: rowsOf(byRefresh),
      results: {
        commandRefresh: ratioOf(byRefresh, cliName),
        handlerRefresh: ratioOf(byRefresh, handler.name),
        refreshPeers:
          medianOf(byRefresh, handler.name) / Math.min(...fast.map(({ name }) => medianOf(byRefresh, name))),
      },
      headlines: [{ what: 'start of a process to a refreshed token, ms', cells: cellsOf(byRefresh) }],
    },
    await measureCommands(stage, starts),
  ];
}

/** The commands of onedrive-token that need no token, or only pass it on. */
async function measureCommands(stage: Stage, starts: number): Promise<Section> {
  const ours = ([name, ...args]: readonly [string, ...string[]]): Command => {
    const { argv, env = {} } = cli(stage);
    return { name, argv: [...argv, ...args], env, printsToken: false };
  };
  const runsTrue: Command = { name: '`true`', argv: ['true'], printsToken: false };
  const commands = (['status', 'list', '--version', '--help'] as const).map((word) => ours([`\`${word}\``, word]));
  const exec = ours(['`exec -- true`', 'exec', '--', 'true']);
  const timings = await timeInTurn([bare, runsTrue, ...commands, exec], starts, { asksUsage: false });
  return {
    title: 'Short commands',
    how: '`onedrive-token` with a stored token, from the start of the process to its end.',
    columns: ['', 'wall, ms', '÷ bare Node'],
    rows: [...timings].map(([name, { wall, ratio }]) => [name, spread(wall), digits(ratio.median)]),
    results: {
      status: ratioOf(timings, '`status`'),
      list: ratioOf(timings, '`list`'),
      version: ratioOf(timings, '`--version`'),
      help: ratioOf(timings, '`--help`'),
      exec: medianOf(timings, exec.name) / (medianOf(timings, bare.name) + medianOf(timings, runsTrue.name)),
    },
  };
}

function medianOf(timings: Map<string, Timing>, name: string): number {
  return timings.get(name)?.wall.median ?? Number.NaN;
}

function ratioOf(timings: Map<string, Timing>, name: string): number {
  return timings.get(name)?.ratio.median ?? Number.NaN;
}

function cellsOf(timings: Map<string, Timing>): Record<string, string> {
  return Object.fromEntries([...timings].map(([name, { wall }]) => [name, digits(wall.median)]));
}

/** The cost of importing a package. */
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
    how: 'A process imports the package and does nothing else. The handler loads SQLite and its HTTP client when it first needs them.',
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
