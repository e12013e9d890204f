import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawChart } from './draw-chart.ts';
import { digits } from './format.ts';
import { type GoalName, goals, judge, type Verdict } from './goals.ts';
import { describeCommit, describeMachine } from './machine.ts';
import type { Chart, Section } from './section.ts';
import { handler, msalNode, openidClient, pythonClass, subjects, versionOf } from './subjects.ts';

const introduction = `<!-- Written by \`pnpm bench\`: change testing/bench instead. -->

# Benchmarks

Some processes of one user need a new token at the same moment. Most libraries let each of them spend the same refresh token; the provider sees that, and signs
the user out. Ours sends one request, and all get its token.`;

const method = `What the packages cost, next to what users would use instead. One run measures all of them, with one provider: [testing/authority](../testing/authority), on
loopback. \`npx --yes pnpm@12.21.0 bench\` measures everything again and rewrites this page, in about twelve minutes.

Numbers are medians, with the lower and the upper quartile in parentheses. Unless the text says otherwise, the compared programs take turns, so that a change
of the machine's speed affects all of them. They get no variables of the machine's own but the usual ones: no proxy, no certificates, no settings of Node.`;

/** The picture at the top of the page. */
const firstChart = 'expiry';
/** The columns of the table below it. */
const firstColumns = [handler, msalNode, openidClient, pythonClass].filter((subject) => subject !== undefined);

/** Writes benchmarks.md and its pictures to `folder`. Returns the verdicts. */
export function writeReport(folder: string, sections: readonly Section[], { quick }: { quick: boolean }): Verdict[] {
  const results = Object.assign({}, ...sections.map((section) => section.results)) as Partial<Record<GoalName, number>>;
  const verdicts = (Object.keys(goals) as GoalName[]).map((name) => judge(name, results[name]));
  mkdirSync(folder, { recursive: true });
  for (const { chart } of sections) {
    if (chart) writeFileSync(join(folder, `bench-${chart.name}.svg`), drawChart(chart));
  }
  const parts = [
    introduction,
    ...summaryOf(sections),
    ...(quick ? ['**This was a quick run, to see that the bench works. Its numbers mean nothing.**'] : []),
    `Measured on ${new Date().toISOString().slice(0, 10)}, commit ${describeCommit()}: ${describeMachine()}.`,
    method,
    '## Goals',
    table(['', 'goal', 'measured', ''], verdicts.map(verdictRow)),
    ...reasonsFor(verdicts),
    '## What is compared',
    [
      ...subjects.map(({ name, version, setup }) => `- **${name}** (${version}): ${setup}.`),
      `- **@azure/identity** (${versionOf('@azure/identity')}): imported and installed only. To store tokens, it needs \`keytar\` too.`,
    ].join('\n'),
    ...sections.map(describeSection),
  ];
  writeFileSync(join(folder, 'benchmarks.md'), `${parts.join('\n\n')}\n`);
  return verdicts;
}

/** One picture and one table, which a visitor understands at once. */
function summaryOf(sections: readonly Section[]): string[] {
  const chart = sections.find((section) => section.chart?.name === firstChart)?.chart;
  const rows = sections
    .flatMap(({ headlines = [] }) => headlines)
    .toSorted((a, b) => Number(b.first ?? false) - Number(a.first ?? false))
    .map(({ what, cells }) => [what, ...firstColumns.map(({ name }) => cells[name] ?? '–')]);
  return [
    ...(chart ? [picture(chart)] : []),
    ...(rows.length > 0 ? [table(['', ...firstColumns.map(({ name }) => name)], rows)] : []),
  ];
}

/** Why a goal was missed. */
function reasonsFor(verdicts: readonly Verdict[]): string[] {
  const missed = verdicts.filter(({ met }) => met === false);
  if (missed.length === 0) return [];
  const lines = missed.map(({ goal }) => `- **${goal.what}**: ${goal.ifMissed ?? 'The reason is not known yet.'}`);
  return ['Missed, and why:', lines.join('\n')];
}

function picture({ title, name }: Chart): string {
  return `![${title}](bench-${name}.svg)`;
}

export function verdictRow({ goal, value, met }: Verdict): string[] {
  const { most, least, unit } = goal;
  const what = met === false ? `**${goal.what}**` : goal.what;
  const limit = most === undefined ? `≥ ${least}` : most === 0 ? '0' : `≤ ${most}`;
  const word = met === undefined ? 'not measured' : met ? 'met' : '**missed**';
  return [
    what,
    `${limit} ${unit}`.trim(),
    value === undefined || Number.isNaN(value) ? '–' : `${digits(value)} ${unit}`.trim(),
    word,
  ];
}

function describeSection({ title, how, columns, rows, chart }: Section): string {
  const parts = [`## ${title}`, how];
  if (chart && chart.name !== firstChart) parts.push(picture(chart));
  if (rows.length > 0) parts.push(table(columns, rows));
  return parts.join('\n\n');
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}
