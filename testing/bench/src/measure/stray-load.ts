import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { signInAs } from 'testing-authority';
import type { Effort } from '../effort.ts';
import { megabytes } from '../format.ts';
import { Program } from '../program.ts';
import type { Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { handler, handlerPlainFile, type Subject, subjects } from '../subjects.ts';
import { portOf } from '../time-sign-in.ts';

/** How many requests run at a time. */
const lanes = 20;

interface Outcome {
  completes: boolean;
  /** Growth of the held bytes, after garbage collection. Undefined if the program cannot tell. */
  held: number | undefined;
  /** Growth of the resident bytes. Undefined if it cannot be read. */
  resident: number | undefined;
}

/** What a browser with many tabs, a port scan or a hostile page sends during a sign-in. */
export async function measureStrayLoad(stage: Stage, { strays, idleSockets }: Effort): Promise<Section> {
  const outcomes: [Subject, Outcome][] = [];
  for (const subject of subjects.filter((one) => one !== handlerPlainFile)) {
    outcomes.push([subject, await attack(stage, subject, strays, idleSockets)]);
  }
  const ours = outcomes.find(([subject]) => subject === handler)?.[1];
  const size = (bytes: number | undefined): string => (bytes === undefined ? '–' : megabytes(bytes));
  return {
    title: 'Stray requests during a sign-in',
    how:
      `Before the browser comes back, the waiting program gets ${idleSockets} connections that send nothing and ${strays.toLocaleString('en-US')} requests, ` +
      `${lanes} at a time: a favicon, a wrong state, an error with a wrong state. “Held” is the memory after garbage collection, in Node. Both columns start after a tenth of the requests, because the first ones load and compile code.`,
    columns: ['', 'the sign-in', 'growth of held memory, MB', 'growth of resident memory, MB'],
    rows: outcomes.map(([{ name }, { completes, held, resident }]) => [
      name,
      completes ? 'completes' : '**fails**',
      size(held),
      size(resident),
    ]),
    results: {
      strayCompletes: ours?.completes ? 1 : 0,
      ...(ours?.held !== undefined && { strayMemory: ours.held / 1e6 }),
    },
  };
}

async function attack(stage: Stage, subject: Subject, strays: number, idleSockets: number): Promise<Outcome> {
  const isNode = subject.command[0] === process.execPath;
  const [file = '', ...args] = stage.command(subject, 'sign-in-when-told');
  const command = isNode ? [file, '--expose-gc', ...args] : [file, ...args];
  await using program = new Program(command, { lineTimeoutMs: 15_000 });
  await program.nextLine();
  program.tell();
  const { open = '' } = await program.nextLine();
  const port = portOf(open);
  const heldMemory = async (): Promise<number> => (isNode ? program.heldMemory() : Number.NaN);
  // The first requests load and compile code, which happens only once.
  await flood(port, strays / 10);
  const before = await heldMemory().catch(() => Number.NaN);
  const residentBefore = residentSize(program.pid);
  const sockets = await connectIdle(port, idleSockets);
  await flood(port, strays - strays / 10);
  const after = await heldMemory().catch(() => Number.NaN);
  const resident = residentSize(program.pid) - residentBefore;
  const held = after - before;
  const completes = await signInAs(open, { signal: AbortSignal.timeout(15_000) })
    .then(() => program.nextLine())
    .then(({ token }) => token !== undefined)
    .catch(() => false);
  for (const socket of sockets) socket.destroy();
  const known = (bytes: number): number | undefined => (Number.isNaN(bytes) ? undefined : bytes);
  return { completes, held: known(held), resident: known(resident) };
}

async function flood(port: number, count: number): Promise<void> {
  const targets = ['/favicon.ico', '/?code=attacker&state=guess', '/callback?error=access_denied&state=guess'];
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await request(port, targets[left % targets.length] ?? '/');
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Resolves even if the request fails, because a program may stop listening. */
function request(port: number, path: string): Promise<void> {
  return new Promise((resolve) => {
    http
      .get({ host: 'localhost', port, path, timeout: 2_000 }, (response) => response.resume().on('close', resolve))
      .on('timeout', resolve)
      .on('error', () => resolve());
  });
}

async function connectIdle(port: number, count: number): Promise<net.Socket[]> {
  const sockets: net.Socket[] = [];
  // In batches that fit into the backlog of the listening socket.
  while (sockets.length < count) {
    const batch = Array.from({ length: Math.min(50, count - sockets.length) }, () => net.connect(port, 'localhost'));
    await Promise.all(
      batch.map((socket) => new Promise((resolve) => socket.on('connect', resolve).on('error', resolve))),
    );
    sockets.push(...batch);
  }
  return sockets;
}

function residentSize(pid: number): number {
  try {
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return Number.NaN;
  }
}
