// Takes about 4 s.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { commandLines } from '../src/command-lines.ts';
import { recipeSample } from '../src/recipe-sample.ts';
import { readText } from '../src/repository.ts';
import { openStandIn } from '../src/stand-in.ts';

// recipes.test.ts runs the recipes for other programs.
const { authority, run, ...standIn } = await openStandIn();
test.after(() => standIn[Symbol.asyncDispose]());

const onWindows = process.platform === 'win32';
if (onWindows) console.log('skipped: the recipes are for the shells of Unix');
const recipe = onWindows ? test.skip : test;

recipe('once: sign in', async () => {
  const [install, login] = recipeSample('Recipes', 'sh').split('\n');
  assert.is(install, 'npm install --global onedrive-token');
  const { status, stderr } = await run(login ?? '');
  assert.is(status, 0, stderr);
});

recipe('a script with curl reads the drive, and ends with status 3 if there is no sign-in', async () => {
  const script = recipeSample('A script with curl', 'sh');
  const { status, stdout, stderr } = await run(script);
  assert.is(status, 0, stderr);
  assert.is(JSON.parse(stdout).driveType, 'personal');
  const nobody = await run(script, { ONEDRIVE_TOKEN_APP: 'nobody', ONEDRIVE_TOKEN_CLIENT_ID: authority.clientId });
  assert.equal([nobody.status, nobody.stdout], [3, '']);
});

recipe('curl takes the token as a header from stdin, in one line', async () => {
  const [line] = readText('docs/recipes.md').match(/onedrive-token token --header \| curl [^`]+/) ?? [];
  const { status, stdout, stderr } = await run(line ?? 'false');
  assert.is(status, 0, stderr);
  assert.is(JSON.parse(stdout).driveType, 'personal');
});

recipe('a client of MCP gets its headers as a JSON object, which Graph accepts', async () => {
  const { status, stdout, stderr } = await run(recipeSample('MCP server', 'sh'));
  assert.equal([status, stderr], [0, '']);
  const headers = JSON.parse(stdout);
  assert.equal(Object.keys(headers), ['Authorization']);
  assert.is((await fetch(`${authority.graphUrl}/me/drive`, { headers })).status, 200);
  const nobody = await run(recipeSample('MCP server', 'sh'), { ONEDRIVE_TOKEN_APP: 'nobody' });
  assert.equal([nobody.status, nobody.stdout], [3, '']);
});

recipe('the token command for rclone prints the bare token', async () => {
  const [line] = readText('docs/recipes.md').match(/(?<=`)onedrive-token --no-interactive(?=`)/) ?? [];
  const { status, stdout } = await run(line ?? 'false');
  assert.is(status, 0);
  const headers = { Authorization: `Bearer ${stdout.trim()}` };
  assert.is((await fetch(`${authority.graphUrl}/me/drive`, { headers })).status, 200);
});

recipe('Docker: the image has a Node that the command supports, and the database is in the volume', () => {
  const dockerfile = recipeSample('Docker', 'dockerfile');
  const [, major = ''] = /^FROM node:(\d+)-slim$/m.exec(dockerfile) ?? [];
  assert.ok(Number(major) >= 24, dockerfile);
  const [, volume = ''] = /^VOLUME (\S+)$/m.exec(dockerfile) ?? [];
  assert.match(dockerfile, `ENV ONEDRIVE_TOKEN_DB=${volume}/tokens.db`);
  const mounted = commandLines(recipeSample('Docker', 'sh')).flatMap(({ args }) =>
    args.filter((arg) => arg.startsWith('onedrive-tokens:')),
  );
  assert.equal(mounted, [`onedrive-tokens:${volume}`, `onedrive-tokens:${volume}`]);
});

test.run();
