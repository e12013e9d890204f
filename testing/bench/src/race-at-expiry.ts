import type { Authority } from 'testing-authority';
import { type Line, Program } from './program.ts';

/** How long the authority takes to answer: about as long as Microsoft over the Internet. */
export const latencyMs = 250;

export interface Race {
  readonly authority: Authority;
  /** The command line of a program in the mode `token-when-told`. */
  readonly command: readonly string[];
  /** How many processes run. */
  readonly count: number;
  /** Whether each uses the stored token once before it expires. */
  readonly asksFirst: boolean;
  /** Makes the stored access token expire. */
  readonly expire: () => unknown;
}

export interface Outcome {
  readonly requests: number;
  readonly tokens: number;
  /** Milliseconds until the last process has its token. */
  readonly wall: number;
}

/** Lets many processes of one user ask for a token at the moment when theirs has expired. */
export async function raceAtExpiry({ authority, command, count, asksFirst, expire }: Race): Promise<Outcome> {
  await using programs = new AsyncDisposableStack();
  const started = Array.from({ length: count }, () => programs.use(new Program(command)));
  await nextLines(started);
  if (asksFirst) {
    for (const program of started) program.tell();
    await nextLines(started);
  }
  await expire();
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
