/**
 * The race of docs/adopting.md, whose table and picture it writes. By hand, because it installs the tools from npm:
 *
 *   node packages/shared-token/test-long/adopting/race.ts [--rounds N] [--tool PART]
 *
 * Needs built packages. In a round, a person has signed in, the access token has expired, and N processes of a tool start at once: as
 * published, and edited by its program in `examples/adopting/`.
 */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type Bar, drawChart } from '../../../../testing/bench/src/draw-chart.ts';
import { Front } from './front.ts';
import { type Tool, tools } from './tools.ts';

/** How long a process may take: 8 of them share the cores of this machine. */
const processTimeoutMs = 120_000;
const packages = join(import.meta.dirname, '../../..');
const docs = join(packages, '../docs');

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, tool: { type: 'string', default: '' } },
});
const rounds = Number(values.rounds);
const sizes = [8, 2];

/** The folders where a tool is installed, as published and edited. */
interface Installation {
  readonly published: string;
  readonly edited: string;
}

/** How many processes got a token, and how many sign-ins were alive after it. */
interface Result {
  processes: number;
  ok: number;
  alive: number;
}

const place = mkdtempSync(join(tmpdir(), 'race-'));
await using front = await Front.start();
try {
  const chosen = tools.filter(({ name }) => name.includes(values.tool));
  const races: Race[] = [];
  for (const tool of chosen) races.push(await raceOf(tool));
  const head = [
    `| tool, processes at expiry, ${rounds} rounds | as published: processes with a token · sign-ins alive | edited | edited and published in turn |`,
    '| --- | --- | --- | --- |',
  ];
  const table = [...head, ...races.map(({ row }) => row)].join('\n');
  console.log(table);
  if (chosen.length === tools.length) {
    writeTable(table);
    const title = `Sign-ins alive of ${rounds}, after ${sizes[0]} processes refreshed one token at once`;
    writeFileSync(
      join(docs, 'adopting.svg'),
      drawChart(
        title,
        races.flatMap(({ bars }) => bars),
      ),
    );
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}

/** What a tool brings to the page. */
interface Race {
  readonly row: string;
  readonly bars: readonly Bar[];
}

async function raceOf(tool: Tool): Promise<Race> {
  const { published, edited } = install(tool);
  const race = async (what: string, folders: readonly string[], atOnce: boolean): Promise<Result> => {
    const result = { processes: 0, ok: 0, alive: 0 };
    for (let round = 1; round <= rounds; round++) await runRound(tool, folders, atOnce, result);
    console.log(`${tool.name} ${what}: ${textOf(result)}`);
    return result;
  };
  const raceAtOnce = async (what: string, folder: string): Promise<Result[]> => {
    const results: Result[] = [];
    for (const size of sizes) results.push(await race(`${what}, ${size} at once`, Array(size).fill(folder), true));
    return results;
  };
  const asEdited = await raceAtOnce('edited', edited);
  const inTurn = await race('in turn', [edited, published, edited, published], false);
  const asPublished = await raceAtOnce('published', published);
  const columns = [asPublished, asEdited, [inTurn]].map((results) => results.map(textOf).join(' · '));
  const bar = (label: string, { alive }: Result = inTurn, isOurs = false): Bar => {
    return { label, value: alive, text: `${alive} of ${rounds}`, isOurs };
  };
  const name = tool.name.replace('@google/', '').replace('-core', '');
  return {
    row: `| ${tool.name} ${tool.version}, N = ${sizes.join(' · ')} | ${columns.join(' | ')} |`,
    bars: [bar(name, asPublished[0]), bar(`${name}, with shared-token`, asEdited[0], true)],
  };
}

function textOf({ processes, ok, alive }: Result): string {
  return `${ok} of ${processes}, ${alive} of ${rounds}`;
}

/** One sign-in, and a process in each folder: at once, or one after the other, with a token that has expired again each time. */
async function runRound(tool: Tool, folders: readonly string[], atOnce: boolean, result: Result): Promise<void> {
  const home = mkdtempSync(join(place, 'home-'));
  const file = join(home, tool.file);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, tool.expired(await front.signIn(), front.url), { mode: 0o600 });
  const count = (outcomes: readonly boolean[]): void => {
    result.processes += outcomes.length;
    result.ok += outcomes.filter((isOk) => isOk).length;
  };
  if (atOnce) count(await Promise.all(folders.map((folder) => getToken(tool, folder, home))));
  else {
    for (const folder of folders) {
      count([await getToken(tool, folder, home)]);
      writeFileSync(file, tool.expired(refreshTokenOf(tool, file) ?? '', front.url));
    }
  }
  if (await front.isAlive(refreshTokenOf(tool, file))) result.alive++;
}

function refreshTokenOf(tool: Tool, file: string): string | undefined {
  try {
    return tool.refreshTokenIn(readFileSync(file, 'utf8'));
  } catch {
    // A tool that was signed out may have deleted or emptied its file.
    return undefined;
  }
}

/** Whether a process of the tool got a token that the provider accepts. */
async function getToken(tool: Tool, folder: string, home: string): Promise<boolean> {
  const { args, env, success } = tool.start(folder, home, front.url);
  const options = {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, CI: '1', NODE_COMPILE_CACHE: join(place, 'cache'), ...env },
    timeout: processTimeoutMs,
    killSignal: 'SIGKILL',
  } as const;
  // Some end with another status although they got one, or the other way round.
  const { stdout } = await promisify(execFile)(process.execPath, args, options).catch((error) => error);
  return success.test(stdout);
}

/** Installs the tool twice, and edits one. */
function install({ name, version, example }: Tool): Installation {
  const published = join(place, example.replace('.ts', ''));
  const edited = join(place, 'edited', name);
  mkdirSync(published);
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefix', published];
  execFileSync('npm', ['install', ...options, `${name}@${version}`]);
  cpSync(published, edited, { recursive: true, verbatimSymlinks: true });
  for (const ours of ['shared-token', 'token-store-file']) {
    symlinkSync(join(packages, ours), join(edited, 'node_modules', ours), 'junction');
  }
  execFileSync(process.execPath, [join(packages, 'shared-token/examples/adopting', example), edited]);
  return { published, edited };
}

function writeTable(table: string): void {
  const page = join(docs, 'adopting.md');
  const text = readFileSync(page, 'utf8');
  const [before, after] = [text.indexOf('<!-- table -->'), text.indexOf('<!-- end of table -->')];
  if (before === -1 || after === -1) throw new Error(`${page} has no place for the table`);
  writeFileSync(page, `${text.slice(0, before)}<!-- table -->\n${table}\n${text.slice(after)}`);
}
