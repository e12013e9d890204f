import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawChart } from './draw-chart.ts';
import { digits } from './format.ts';
import { type GoalName, goals, judge, type Verdict } from './goals.ts';
import { describeCommit, describeMachine } from './machine.ts';
import type { Section } from './section.ts';
import { subjects, versionOf } from './subjects.ts';

const introduction = `<!-- Written by \`pnpm bench\`: change testing/bench instead. -->

# Benchmarks

What the packages cost, next to what users would use instead. One run measures all of them, with one provider: [testing/authority](../testing/authority), on
loopback. \`npx --yes pnpm@12.21.0 bench\` measures everything again and rewrites this page, in about ten minutes.

Numbers are medians, with the lower and the upper quartile in parentheses. Unless the text says otherwise, the compared programs take turns, so that a change
of the machine's speed affects all of them.`;

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
    ...(quick ? ['**This was a quick run, to see that the bench works. Its numbers mean nothing.**'] : []),
    `Measured on ${new Date().toISOString().slice(0, 10)}, commit ${describeCommit()}: ${describeMachine()}.`,
    '## Goals',
    table(['', 'goal', 'measured', ''], verdicts.map(verdictRow)),
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

export function verdictRow({ goal, value, met }: Verdict): string[] {
  const { what, most, least, unit } = goal;
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
  if (chart) parts.push(`![${chart.title}](bench-${chart.name}.svg)`);
  if (rows.length > 0) parts.push(table(columns, rows));
  return parts.join('\n\n');
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}
