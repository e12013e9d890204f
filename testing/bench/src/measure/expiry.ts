import type { Effort } from '../effort.ts';
import { digits } from '../format.ts';
import { type Line, Program } from '../program.ts';
import { median } from '../sample.ts';
import type { Bar, Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { handler, msalNode, openidClient, pythonClass, type Subject } from '../subjects.ts';

/** How long the authority takes for an answer, in milliseconds: about as long as Microsoft's over the Internet. */
const latency = 250;

interface Outcome {
  requests: number;
  tokens: number;
  /** Milliseconds from the word to the last token. */
  wall: number;
}

/** Many processes of one user find the same access token expired at the same moment. */
export async function measureExpiry(stage: Stage, { processes, expiries }: Effort): Promise<Section> {
  const most = processes.at(-1) ?? 1;
  const judged = processes.includes(32) ? 32 : most;
  const rows: string[][] = [];
  const bars: Bar[] = [];
  let ours: Map<number, Outcome> | undefined;
  for (const subject of [handler, msalNode, openidClient, pythonClass]) {
    if (!subject) continue;
    // The peers only to be seen beside: they have one try, and no goal.
    const outcomes = await race(stage, subject, processes, subject === handler ? expiries : 1);
    if (subject === handler) ours = outcomes;
    const alone = outcomes.get(1)?.wall ?? Number.NaN;
    for (const [count, { requests, tokens, wall }] of outcomes) {
      rows.push([subject.name, `${count}`, digits(requests), digits(tokens), digits(wall), digits(wall / alone)]);
    }
    const { requests = Number.NaN } = outcomes.get(judged) ?? {};
    bars.push({ label: subject.name, value: requests, text: digits(requests), ours: subject === handler });
  }
  const [one, many] = [ours?.get(1), ours?.get(judged)];
  return {
    title: 'Many processes at expiry',
    how:
      'Processes that are up, and have used the stored token, are told at the same moment to get one again, after it has expired. The authority rotates refresh tokens and ' +
      `revokes the grant when one is used twice (RFC 9700), and takes ${latency} ms for an answer, as a provider over the Internet does. ` +
      '“Tokens” is how many processes got one: the others would have to ask the person to sign in again.',
    columns: ['', 'processes', 'refresh requests', 'tokens', 'wall, ms', '÷ one process'],
    rows,
    results: {
      expiryRequests: many?.requests ?? Number.NaN,
      expiryWall: (many?.wall ?? Number.NaN) / (one?.wall ?? Number.NaN),
    },
    chart: { name: 'expiry', title: `Refresh requests of ${judged} processes at expiry`, unit: '', bars },
  };
}

/** Medians for each number of processes. */
async function race(
  stage: Stage,
  subject: Subject,
  processes: readonly number[],
  times: number,
): Promise<Map<number, Outcome>> {
  const outcomes = new Map<number, Outcome[]>(processes.map((count) => [count, []]));
  for (let time = 0; time < times; time++) {
    for (const count of processes) outcomes.get(count)?.push(await expireAt(stage, subject, count));
  }
  const of = (count: number, what: keyof Outcome): number => median((outcomes.get(count) ?? []).map((o) => o[what]));
  return new Map(
    processes.map((count) => [
      count,
      { requests: of(count, 'requests'), tokens: of(count, 'tokens'), wall: of(count, 'wall') },
    ]),
  );
}

async function expireAt(stage: Stage, subject: Subject, count: number): Promise<Outcome> {
  const { authority } = stage;
  await stage.signIn(subject);
  await using programs = new AsyncDisposableStack();
  const started = Array.from({ length: count }, () =>
    programs.use(new Program(stage.command(subject, 'token-when-told'))),
  );
  await nextLines(started);
  if (subject.storesAccessToken) {
    for (const program of started) program.tell();
    await nextLines(started);
  }
  subject.expire?.(stage.folder);
  authority.fail('token', { type: 'slow', ms: latency }, { times: Number.POSITIVE_INFINITY });
  const before = authority.count('token', 'refresh_token');
  const told = performance.timeOrigin + performance.now();
  for (const program of started) program.tell();
  const lines = await nextLines(started);
  authority.clearFaults();
  const last = Math.max(...lines.map(({ done = Number.NaN }) => done));
  return {
    requests: authority.count('token', 'refresh_token') - before,
    tokens: lines.filter(({ token }) => token).length,
    wall: last - told,
  };
}

function nextLines(programs: readonly Program[]): Promise<Line[]> {
  return Promise.all(programs.map((program) => program.nextLine()));
}
