import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { signInAs, startAuthority } from 'testing-authority';
import { CliHome } from 'testing-command';
import { noTerminal, openTerminal } from 'testing-command/terminal';

export const columns = 88;

/** By the name of each picture: what its terminals have got. */
export type Scenes = Record<'login' | 'status' | 'api' | 'error', string[]>;

const username = 'ada.lovelace@example.com';
const prompt = /(^|\n)\$ $/;

/** Runs the command as a user does, and signs in at a provider on this machine. */
export async function playScenes(): Promise<Scenes> {
  await using authority = await startAuthority();
  using home = new CliHome({
    TERM: 'xterm-256color',
    PS1: '$ ',
    BROWSER: 'browser',
    ONEDRIVE_TOKEN_AUTHORITY: authority.url,
    ONEDRIVE_TOKEN_GRAPH: authority.graphUrl,
  });
  // A browser that only writes down the address that it gets.
  const address = join(home.folder, 'address');
  const browser = `#!/bin/sh\necho "$1" >'${address}'\n`;
  writeFileSync(join(home.installCommand(), 'browser'), browser, { mode: 0o755 });
  const login = `onedrive-token login --client-id ${authority.clientId}`;
  const signIn = async (): Promise<unknown> => signInAs(await lineIn(address), { username });
  const list = `onedrive-token api '/me/drive/root:/Shopping list.md:/content' -o list.md`;
  return {
    error: await play(home, ['onedrive-token login'], /\(client\) ID": /),
    login: await play(home, [login], /left, Ctrl-C cancels$/, signIn),
    status: await play(home, ['onedrive-token status']),
    api: await play(home, ['onedrive-token api /me', list]),
  };
}

/** Types lines into bash, each when the terminal shows `end`. What the terminal has got then, and what it has at the next prompt after `work`. */
async function play(
  home: CliHome,
  lines: readonly string[],
  end = prompt,
  work?: () => Promise<unknown>,
): Promise<string[]> {
  if (!openTerminal) throw new Error(noTerminal);
  const options = { env: home.env, cols: columns, rows: 60, cwd: home.folder };
  using terminal = openTerminal('bash', ['--norc', '--noprofile', '-i'], options);
  await terminal.shows(prompt);
  for (const line of lines) {
    const { length } = terminal.output;
    terminal.type(`${line}\r`);
    await terminal.shows(end, length);
  }
  const outputs = [terminal.output];
  if (work) {
    await work();
    await terminal.shows(/Signed in as .*\r\n\$ $/);
    outputs.push(terminal.output);
  }
  return outputs.map((output) => {
    // The last prompt has no line, so the picture leaves it out.
    const shown = output.endsWith('$ ') ? output.slice(0, output.lastIndexOf('\r\n')) : output;
    return shown.replaceAll(home.folder, '/home/ada');
  });
}

/** The line in a file that is there soon. */
async function lineIn(file: string): Promise<string> {
  for (const end = performance.now() + 10_000; performance.now() < end; await sleep(20)) {
    if (existsSync(file) && readFileSync(file, 'utf8').endsWith('\n')) return readFileSync(file, 'utf8').trim();
  }
  throw new Error('10 s have passed, and the command has not opened the browser');
}
