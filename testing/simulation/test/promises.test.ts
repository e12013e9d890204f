import * as assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import { promises } from '../src/invariants/judge.ts';
import { Choices } from '../src/machine/choices.ts';
import { choosePlan } from '../src/plan/plan.ts';
import { readmeSentences } from '../src/readme-sentences.ts';

const simulation = join(import.meta.dirname, '..');
const packages = join(simulation, '../../packages');
const readme = readFileSync(join(packages, 'shared-token/README.md'), 'utf8');
const sentences = readmeSentences(readme, { first: 'API', end: 'Bundling' });

const table = readFileSync(join(simulation, 'promises.md'), 'utf8');
const rows = [...table.matchAll(/^\| (\w{4}) \| (.+?) \| (.+?) \| (.*?) ?\|$/gm)].map(
  ([, key = '', says = '', heldBy = '', triedBy = '']) => ({ key, says, heldBy: heldBy.split(', '), triedBy }),
);

/** The names of all that a plan draws. */
function drawn(): Set<string> {
  const names = new Set<string>();
  for (let seed = 1; seed <= 500; seed++) {
    const plan = choosePlan(new Choices(seed));
    for (const each of [plan, ...plan.actions, ...plan.actions.map(({ options }) => options)])
      for (const name of Object.keys(each)) names.add(name);
    for (const { kind } of [...plan.actions, ...plan.fates]) names.add(kind);
  }
  return names;
}

test('each sentence of the README has one row, and each row a sentence', () => {
  const problems: string[] = [];
  for (const { key, text } of sentences)
    if (rows.filter((row) => row.key === key).length !== 1) problems.push(`not one row for | ${key} | ${text}`);
  for (const { key, says } of rows) {
    const text = sentences.find((sentence) => sentence.key === key)?.text;
    if (text === undefined) problems.push(`no sentence any more for | ${key} | ${says}`);
    else if (!text.replace('| ', '').startsWith(says)) problems.push(`${key} begins otherwise: ${text}`);
  }
  assert.deepEqual(problems, []);
  assert.ok(rows.length > 20, `${rows.length} rows`);
});

test('each row names a promise and what tries it, or a test', () => {
  const names = drawn();
  const problems: string[] = [];
  for (const { key, heldBy, triedBy } of rows) {
    const [, file] = /^test: (.+)$/.exec(heldBy[0] ?? '') ?? [];
    if (file !== undefined) {
      if (![packages, join(simulation, '..')].some((folder) => existsSync(join(folder, file))))
        problems.push(`${key}: there is no ${file}`);
      continue;
    }
    for (const begin of heldBy) {
      const count = [...promises].filter((promise) => promise.startsWith(begin)).length;
      if (count !== 1) problems.push(`${key}: ${count} promises begin with ${begin}`);
    }
    for (const name of triedBy.split(', ')) if (!names.has(name)) problems.push(`${key}: no plan has ${name}`);
  }
  assert.deepEqual(problems, []);
});

test.run();
