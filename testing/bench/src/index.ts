/**
 * `pnpm bench [--quick] [--out FOLDER] [--only PART]`: measures everything, and writes benchmarks.md with its pictures to FOLDER, by
 * default `docs`. With `--only` it measures one part of the list below, prints it, and writes nothing. Only `npm install` sends
 * requests to other machines.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPrograms } from './build-programs.ts';
import { type Effort, full, quick } from './effort.ts';
import { measureExpiry } from './measure/expiry.ts';
import { measureFootprint } from './measure/footprint.ts';
import { measureGraph } from './measure/graph.ts';
import { measureInMemory } from './measure/in-memory.ts';
import { measureKills } from './measure/kills.ts';
import { measurePostgres } from './measure/postgres.ts';
import { measureSignIn } from './measure/sign-in.ts';
import { measureImports, measureStartUp } from './measure/start-up.ts';
import { measureGrowth, measureStore } from './measure/store.ts';
import { measureStrayLoad } from './measure/stray-load.ts';
import { measureTestSuite } from './measure/test-suite.ts';
import type { Section } from './section.ts';
import { Stage } from './stage.ts';
import { verdictRow, writeReport } from './write-report.ts';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, out: { type: 'string' }, only: { type: 'string' } },
});
const effort: Effort = options.quick ? quick : full;

const parts: [name: string, measure: (stage: Stage) => Section | Section[] | Promise<Section | Section[]>][] = [
  ['start-up', (stage) => measureStartUp(stage, effort)],
  ['import', () => measureImports(effort)],
  ['in-memory', (stage) => measureInMemory(stage)],
  ['sign-in', (stage) => measureSignIn(stage, effort)],
  ['expiry', (stage) => measureExpiry(stage, effort)],
  ['store', (stage) => measureStore(stage, effort)],
  ['growth', (stage) => measureGrowth(stage, effort)],
  ['postgres', (stage) => measurePostgres(stage, effort)],
  ['graph', (stage) => measureGraph(stage, effort)],
  ['stray-load', (stage) => measureStrayLoad(stage, effort)],
  ['footprint', (stage) => measureFootprint(stage, effort)],
  ['kills', () => measureKills(effort)],
  ['suite', () => measureTestSuite(effort)],
];

const { only } = options;
await buildPrograms();
const sections: Section[] = [];
for (const [name, measure] of parts.filter(([name]) => only === undefined || name === only)) {
  const started = performance.now();
  try {
    // Each part has a stage of its own, so no part is slower because of another.
    await using stage = await Stage.open();
    const measured = [await measure(stage)].flat();
    sections.push(...measured);
    if (only) console.log(JSON.stringify(measured, null, 1));
  } catch (error) {
    // The other parts still count: a whole run takes long. The page says what is missing, and the run fails.
    console.error(error);
    sections.push({ title: `Not measured: ${name}`, how: 'This part failed in this run.', columns: [''], rows: [] });
    process.exitCode = 1;
  }
  console.log(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
}
if (!only) {
  const folder = options.out ?? join(import.meta.dirname, '../../../docs');
  for (const verdict of writeReport(folder, sections, options)) console.log(verdictRow(verdict).join(' · '));
}
