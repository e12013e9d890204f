import type { Effort } from '../effort.ts';
import { digits, spread } from '../format.ts';
import { type Line, Program } from '../program.ts';
import { median, summarize } from '../sample.ts';
import type { Bar, Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { handler, msalNode, openidClient, pythonClass, type Subject } from '../subjects.ts';

/** How long the authority takes to answer: about as long as Microsoft over the Internet. */
const latencyMs = 250;

interface Outcome {
  requests: number;
  tokens: number;
  /** Milliseconds until the last process has its token. */
  wall: number;
}

/** Many processes of one user need a token at the moment when theirs has expired. */
export async function measureExpiry(stage: Stage, { processes, expiries }: Effort): Promise<Section> {
  const judged = processes.includes(32) ? 32 : (processes.at(-1) ?? 1);
  const racers = [handler, msalNode, openidClient, pythonClass].filter((subject) => subject !== undefined);
  const outcomes = new Map(racers.map((subject) => [subject, new Map<number, Outcome[]>()]));
  for (let time = 0; time < expiries; time++) {
    for (const count of processes) {
      for (const subject of racers) {
        const outcome = await expireAt(stage, subject, count);
        const earlier = outcomes.get(subject)?.get(count) ?? [];
        outcomes.get(subject)?.set(count, [...earlier, outcome]);
      }
    }
  }
  const values = (subject: Subject, count: number, what: keyof Outcome): number[] =>
    (outcomes.get(subject)?.get(count) ?? []).map((outcome) => outcome[what]);
  const ratio = (subject: Subject, count: number): number =>
    median(values(subject, count, 'wall')) / median(values(subject, 1, 'wall'));
  const row = (subject: Subject, count: number): string[] => [
    subject.name,
    `${count}`,
    digits(median(values(subject, count, 'requests'))),
    digits(median(values(subject, count, 'tokens'))),
    spread(summarize(values(subject, count, 'wall'))),
    digits(ratio(subject, count)),
  ];
  return {
    title: 'Many processes at expiry',
    how:
      'Processes that are running, and have used the stored token (the Python class stores none), all ask for a token at the same moment, after it has expired. ' +
      `The authority rotates refresh tokens, and revokes the grant if one is used twice (RFC 9700). It takes ${latencyMs} ms to answer, like a provider on the ` +
      'Internet. “Tokens” says how many processes got one. The others would have to ask the user to sign in again.',
    columns: ['', 'processes', 'refresh requests', 'tokens', 'wall, ms', '÷ one process'],
    rows: racers.flatMap((subject) => processes.map((count) => row(subject, count))),
    results: {
      // The highest number, because a median would hide a second request.
      expiryRequests: Math.max(...values(handler, judged, 'requests')),
      expiryWall: ratio(handler, judged),
    },
    chart: {
      name: 'expiry',
      title: `Refresh requests of ${judged} processes at expiry`,
      unit: '',
      bars: racers.map((subject): Bar => {
        const value = median(values(subject, judged, 'requests'));
        return { label: subject.name, value, text: digits(value), ours: subject === handler };
      }),
    },
  };
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
  authority.fail('token', { type: 'slow', ms: latencyMs }, { times: Number.POSITIVE_INFINITY });
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
