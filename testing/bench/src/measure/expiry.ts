import type { Effort } from '../effort.ts';
import { digits, spread } from '../format.ts';
import { latencyMs, type Outcome, raceAtExpiry } from '../race-at-expiry.ts';
import { median, summarize } from '../sample.ts';
import type { Bar, Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { handler, msalNode, openidClient, pythonClass, type Subject } from '../subjects.ts';

/** Many processes of one user need a token at the moment when theirs has expired. */
export async function measureExpiry(stage: Stage, { processes, expiries }: Effort): Promise<Section> {
  const judged = processes.at(-1) ?? 1;
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
      'Processes that are running all ask for a token at the same moment, after the stored one has expired. They are as their users run them: the handler and the Python class ' +
      'have their database open, and the others have used the stored token. ' +
      `The authority rotates refresh tokens, and revokes the grant if one is used twice (RFC 9700). It takes ${latencyMs} ms to answer, like a provider on the ` +
      'Internet. “Tokens” says how many processes got one. The others would have to ask the user to sign in again.',
    columns: ['', 'processes', 'refresh requests', 'tokens', 'wall, ms', '÷ one process'],
    rows: racers.flatMap((subject) => processes.map((count) => row(subject, count))),
    results: {
      // The highest number, because a median would hide a second request.
      expiryRequests: Math.max(...values(handler, judged, 'requests')),
      ...(pythonClass && {
        expiryPeers: median(values(handler, judged, 'wall')) / median(values(pythonClass, judged, 'wall')),
      }),
    },
    headlines: [
      {
        first: true,
        what: `${judged} processes need a new token at once: so many get one`,
        cells: Object.fromEntries(
          racers.map((subject) => [subject.name, `${digits(median(values(subject, judged, 'tokens')))} of ${judged}`]),
        ),
      },
      {
        first: true,
        what: 'the last of them is done after, ms',
        cells: Object.fromEntries(
          racers.map((subject) => [subject.name, digits(median(values(subject, judged, 'wall')))]),
        ),
      },
    ],
    chart: {
      name: 'expiry',
      title: `${judged} processes need a new token at once: how many get one, and are not signed out`,
      unit: '',
      bars: racers.map((subject): Bar => {
        const value = median(values(subject, judged, 'tokens'));
        return { label: subject.name, value, text: `${digits(value)} of ${judged}`, ours: subject === handler };
      }),
    },
  };
}

async function expireAt(stage: Stage, subject: Subject, count: number): Promise<Outcome> {
  await stage.signIn(subject);
  return await raceAtExpiry({
    authority: stage.authority,
    command: stage.command(subject, 'token-when-told'),
    count,
    // Ours and the Python class have opened their database. The others open none, so they use their stored token once instead.
    asksFirst: subject.storesAccessToken && subject !== handler,
    expire: () => subject.expire?.(stage.folder),
  });
}
