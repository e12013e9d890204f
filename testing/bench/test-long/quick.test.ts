// Takes about 55 s.
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { missingTools } from 'testing-postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { goals } from '../src/goals.ts';
import { pythonClass } from '../src/subjects.ts';

const folder = mkdtempSync(join(tmpdir(), 'bench-quick-'));
const command = join(import.meta.dirname, '../src/index.ts');
const { status, stdout, stderr } = spawnSync(process.execPath, [command, '--quick', '--out', folder], {
  encoding: 'utf8',
  timeout: 600_000,
});
if (status !== 0) throw new Error(`the bench ended with ${status}:\n${stdout}${stderr}`);
for (const line of stdout.match(/^skipped: .*$/gm) ?? []) console.log(line);
const page = readFileSync(join(folder, 'benchmarks.md'), 'utf8');
test.after(() => rmSync(folder, { recursive: true }));

/** The cells of the row of a goal. */
function rowOf(goal: { what: string }): string[] {
  const lines = page.split('\n');
  const row = lines.find((line) => line.startsWith(`| ${goal.what} |`) || line.startsWith(`| **${goal.what}** |`));
  return (row ?? '').split('|').map((cell) => cell.trim());
}

test('a quick run measures everything that needs neither minutes nor a registry', () => {
  const unmeasured = new Set(['packages', 'kills', 'suite']);
  if (missingTools()) unmeasured.add('fleetRequests');
  if (!pythonClass) unmeasured.add('expiryPeers');
  for (const [name, goal] of Object.entries(goals)) {
    const [, , , measured = '', verdict = ''] = rowOf(goal);
    if (unmeasured.has(name)) assert.is(verdict, 'not measured', name);
    else {
      // A difference of so few runs may be negative.
      assert.match(measured, /^-?[\d.,]+/, name);
      assert.match(verdict, /^(met|\*\*missed\*\*)$/, name);
    }
  }
});

test('a quick run reaches the goals that do not depend on the speed of the machine', () => {
  for (const goal of [goals.expiryRequests, goals.strayCompletes, goals.strayMemory, goals.memoryRatio]) {
    assert.is(rowOf(goal)[4], 'met', goal.what);
  }
});

test('the page shows every picture, and each picture has a bar for every label', () => {
  const pictures = globSync('*.svg', { cwd: folder });
  const shown = [...page.matchAll(/!\[[^\]]+\]\(([^)]+\.svg)\)/g)].map(([, file]) => file);
  assert.equal(shown.sort(), pictures.sort());
  assert.ok(pictures.length >= 5);
  for (const picture of pictures) {
    const { document } = parseHTML(readFileSync(join(folder, picture), 'utf8'));
    const labels = document.querySelectorAll('.labels text').length;
    assert.ok(labels >= 3, `${picture}: ${labels} labels`);
    assert.is(document.querySelectorAll('.ours rect, .peers rect').length, labels, picture);
    assert.not.match(document.toString(), /NaN|undefined/, picture);
  }
});

test('the page begins with one picture and one table, with a number of ours in each row', () => {
  const [top = ''] = page.split('\n## ');
  assert.is(top.match(/!\[/g)?.length, 1);
  const [head = '', , ...rows] = top.split('\n').filter((line) => line.startsWith('|'));
  assert.match(head, /^\| {2}\| onedrive-token-handler \| @azure\/msal-node \| openid-client \|/);
  assert.match(rows[0] ?? '', /^\| \d+ processes need a new token at once: so many get one \| (\d+) of \1 \|/);
  assert.ok(rows.length >= 6);
  for (const row of rows) assert.match(row, /^\| [^|]+ \| [\d.,]+( of \d+)? \|/);
});

test('each goal that is missed is said in bold, with a reason', () => {
  const missed = Object.values(goals).filter((goal) => /missed/.test(rowOf(goal)[4] ?? ''));
  for (const { what } of missed) assert.match(page, `\n- **${what}**: `);
});

test('the page says about the machine only what the numbers depend on', () => {
  for (const secret of [process.cwd(), tmpdir(), process.env.HOSTNAME, process.env.HOME]) {
    if (secret) assert.not.match(page, secret);
  }
});

test.run();
