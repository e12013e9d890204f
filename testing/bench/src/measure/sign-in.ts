import type { Effort } from '../effort.ts';
import { digits, spread } from '../format.ts';
import { Program } from '../program.ts';
import { type Sample, summarize } from '../sample.ts';
import type { Section } from '../section.ts';
import type { Stage } from '../stage.ts';
import { isOurs, type Subject, subjects } from '../subjects.ts';
import { timeSignIn } from '../time-sign-in.ts';

/** So many sign-ins of a process still load and compile code. */
const warmUps = 3;

/** The time of a sign-in, without the provider and the user. */
export async function measureSignIn(stage: Stage, { signInProcesses, signInsEach }: Effort): Promise<Section> {
  const fresh = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  const running = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = 0; round < signInProcesses; round++) {
    for (const subject of subjects) {
      const started = performance.timeOrigin + performance.now();
      await using program = new Program(stage.command(subject, 'sign-in-when-told'));
      await program.nextLine();
      fresh.get(subject.name)?.push(await timeSignIn(program, started));
      for (let count = 1; count < signInsEach; count++) {
        const time = await timeSignIn(program);
        if (count >= Math.min(warmUps, signInsEach - 1)) running.get(subject.name)?.push(time);
      }
    }
  }
  const summaries = subjects.map((subject): [subject: Subject, fresh: Sample, running: Sample] => [
    subject,
    summarize(fresh.get(subject.name) ?? []),
    summarize(running.get(subject.name) ?? []),
  ]);
  const peers = summaries.filter(([subject]) => !isOurs(subject));
  const besidePeers = (which: 1 | 2): number =>
    (summaries[0]?.[which].median ?? Number.NaN) / Math.min(...peers.map((each) => each[which].median));
  return {
    title: 'Sign-in',
    how:
      'A scripted browser without a window goes through the pages of the authority. Its time does not count, and neither does the time in which the authority ' +
      'works. What remains is: listening, the redirect, redeeming the code, storing. Measured in a program that has signed in a few times before, ' +
      'and from the start of a new process. While the browser is at the authority, the handler loads its HTTP client; that delays nothing, so it does not count. ' +
      'The handler waits until the tokens are on the disk, and holds a lock, so that no other process signs in. With a plain file it does neither. Nor do ' +
      'its peers, except that the Python class waits for the disk. This explains the difference between the two rows of the handler. The rest of the difference ' +
      'to the fastest peers is processor time.',
    columns: ['', 'in a running program, ms', 'with the start of the process, ms'],
    rows: summaries.map(([{ name }, first, later]) => [name, spread(later), spread(first)]),
    results: { signInStart: besidePeers(1), signInRunning: besidePeers(2) },
    headlines: [
      {
        what: 'sign-in with the start of the process, without the provider, ms',
        cells: Object.fromEntries(summaries.map(([{ name }, first]) => [name, digits(first.median)])),
      },
    ],
    chart: {
      name: 'sign-in',
      title: 'A sign-in, without the provider, in a running program',
      unit: 'ms',
      bars: summaries.map(([subject, , { median }]) => ({
        label: subject.name,
        value: median,
        text: `${digits(median)} ms`,
        ours: isOurs(subject),
      })),
    },
  };
}
