import { globSync } from 'node:fs';
import { dirname } from 'node:path';
import { CliHome } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CommandLine, commandLines } from '../src/command-lines.ts';
import { markdownFile, markdownFiles } from '../src/markdown-file.ts';
import { isInstalled, readManifest, readText, root } from '../src/repository.ts';

const [, pnpm = ''] = /\b(pnpm@[\d.]+)/.exec(readText('.ci/run')) ?? [];
const scripts = markdownFiles.flatMap((file) => [
  ...file.samples
    .filter(({ language }) => language === 'sh')
    .map(({ place, code }) => ({ place, lines: () => commandLines(code) })),
  ...file.inlineCode
    .filter(({ code }) => /^(onedrive-token|npx|npm) /.test(code) && !code.includes('…'))
    .map(({ place, code }) => ({ place, lines: () => commandLines(code) })),
]);

test('every code block names its language, and it is one that these tests know', () => {
  const known = ['ts', 'js', 'sh', 'ini', 'crontab', 'dockerfile', 'mermaid', 'sql', 'yaml'];
  assert.equal(
    markdownFiles
      .flatMap((file) => file.samples)
      .filter(({ language }) => !known.includes(language))
      .map(({ place, language }) => `${place} ${language}`),
    [],
  );
});

test('a shell can read every shell sample', () => {
  assert.ok(scripts.length > 15, `only ${scripts.length} scripts`);
  for (const { lines } of scripts) lines();
});

test('every onedrive-token command and option in a sample exists', () => {
  assert.equal(problems(checkOnedriveToken), []);
  assert.equal(checkOnedriveToken({ name: 'ssh', args: ['-t', 'server', 'onedrive-token', 'login', '--past'] }), [
    'login has no option --past',
  ]);
  assert.equal(checkOnedriveToken({ name: 'onedrive-token', args: ['exec', '--', 'ls', '--all'] }), []);
});

test('every command and option of onedrive-token is in its README or in docs/', () => {
  const pages = ['packages/cli/README.md', 'docs/command.md', 'docs/microsoft.md'].map(markdownFile);
  const code = pages.flatMap((page) => [...page.inlineCode, ...page.samples]).map((each) => each.code);
  const told = new Set(code.flatMap((text) => text.match(/(?<![\w-])-{0,2}[a-z][\w-]*/g) ?? []));
  const missing = [...helps].flatMap(([command, options]) =>
    [command, ...options]
      .filter((name) => /^(--)?(?!version|help)[a-z]/.test(name) && !told.has(name))
      .map((name) => `${command} ${name}`),
  );
  assert.equal(missing, []);
});

test('every npm and pnpm command in a sample names a script or package that exists, and the pnpm of the pipeline', () => {
  assert.equal(problems(checkPnpm), []);
  assert.equal(checkPnpm({ name: 'npx', args: ['--yes', pnpm, 'tset'] }), ['no script tset in .']);
});

function problems(check: (command: CommandLine) => string[]): string[] {
  return scripts.flatMap(({ place, lines }) =>
    lines()
      .flatMap(check)
      .map((problem) => `${place} ${problem}`),
  );
}

/** The options of each command, from its help. '' has those of the program. */
const helps = new Map<string, Set<string>>();
using home = new CliHome();
const { stdout: help } = await home.call(['help']);
const [, list = ''] = /^Commands:\n([\s\S]*?)\n\n/m.exec(help) ?? [];
for (const command of ['', ...(list.match(/(?<=^ {2})(?!help )[a-z]+/gm) ?? [])]) {
  const { stdout, status } = await home.call([...(command ? [command] : []), '--help']);
  assert.is(status, 0, `onedrive-token ${command} --help`);
  const own = stdout.match(/(?<=^ {2}(?:-\w, )?)--?[\w-]+|(?<=^ {2})-\w(?=, )/gm) ?? [];
  helps.set(command, new Set([...(helps.get('') ?? []), ...own]));
}

function checkOnedriveToken({ name, args }: CommandLine): string[] {
  if (name === 'ssh' || (name === 'docker' && args[0] === 'run')) {
    const start = args.indexOf('onedrive-token');
    return start < 0 ? [] : checkOnedriveToken({ name: 'onedrive-token', args: args.slice(start + 1) });
  }
  if (name !== 'onedrive-token') return [];
  const end = args.indexOf('--');
  const own = end < 0 ? args : args.slice(0, end);
  const isPlaceholder = own[0] === 'COMMAND';
  const command = own[0] === undefined || own[0].startsWith('-') || isPlaceholder ? '' : own[0];
  const options = helps.get(command);
  if (!options) return [`no command ${command}`];
  return own
    .filter((arg) => /^--?[a-z]/i.test(arg))
    .map((arg) => arg.replace(/=.*/, ''))
    .filter((option) => !options.has(option))
    .map((option) => `${command} has no option ${option}`);
}

const workspace = new Map(
  [...globSync(['{packages,testing}/*/package.json', 'scripts/package.json'], { cwd: root }).map(dirname), '.'].map(
    (folder) => [readManifest(folder).name, folder],
  ),
);

function checkPnpm({ name, args }: CommandLine): string[] {
  if (name === 'npm' && args[0] === 'install') {
    return args
      .filter((arg, n) => n > 0 && /^[\w@]/.test(arg) && !workspace.has(arg) && !isInstalled(arg))
      .map((arg) => `no package ${arg}`);
  }
  if (name !== 'npx') return [];
  const [yes, version, ...rest] = args;
  if (yes !== '--yes' || version !== pnpm) return [`${version} should be ${pnpm}`];
  if (rest[0] === 'exec' && rest[1] === 'turbo') rest.splice(0, 3);
  let folder: string | undefined = '.';
  const filter = rest.findIndex((arg) => arg.startsWith('--filter='));
  if (filter >= 0) folder = workspace.get(rest.splice(filter, 1)[0]?.slice('--filter='.length) ?? '');
  if (rest[0] === '--filter') folder = workspace.get(rest.splice(0, 2)[1] ?? '');
  if (folder === undefined) return ['no such package to filter by'];
  const [script = ''] = rest;
  const isBuiltIn = script === 'exec' || script === 'install';
  return isBuiltIn || readManifest(folder).scripts?.[script] ? [] : [`no script ${script} in ${folder}`];
}

test.run();
