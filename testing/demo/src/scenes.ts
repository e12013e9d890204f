import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { signInAs, startAuthority } from 'testing-authority';
import type { CliHome } from 'testing-command';
import { addressFile, openHome, Shell } from './shell.ts';

/** By the name of each picture: what its terminals have got. */
export type Scenes = Record<'login' | 'status' | 'api' | 'error', string[]>;

const username = 'ada.lovelace@example.com';

/** Runs the command as a user does, and signs in at a provider on this machine. */
export async function playScenes(): Promise<Scenes> {
  const authority = await startAuthority();
  try {
    using home = openHome(authority);
    const login = `onedrive-token login --client-id ${authority.clientId}`;
    return {
      error: await play(home, async (shell) => {
        await shell.shows(/\$ $/);
        shell.type('onedrive-token login');
        await shell.shows(/\(client\) ID": /);
        return [shell.output];
      }),
      login: await play(home, async (shell) => {
        await shell.shows(/\$ $/);
        shell.type(login);
        await shell.shows(/left, Ctrl-C cancels$/);
        const waiting = shell.output;
        await signInAs(await addressGiven(home), { username });
        await shell.shows(/Signed in as .*\r\n\$ $/);
        return [waiting, shell.output];
      }),
      status: await play(home, async (shell) => {
        await shell.run('onedrive-token status');
        return [shell.output];
      }),
      api: await play(home, async (shell) => {
        await shell.run('onedrive-token api /me');
        await shell.run(`onedrive-token api '/me/drive/root:/Shopping list.md:/content' -o list.md`);
        return [shell.output];
      }),
    };
  } finally {
    await authority.close();
  }
}

async function play(home: CliHome, scene: (shell: Shell) => Promise<string[]>): Promise<string[]> {
  using shell = new Shell(home);
  const outputs = await scene(shell);
  // The last prompt has no line, so the picture leaves it out.
  return outputs.map((output) => (output.endsWith('$ ') ? output.slice(0, output.lastIndexOf('\r\n')) : output));
}

async function addressGiven(home: CliHome): Promise<string> {
  const file = addressFile(home);
  for (const end = performance.now() + 10_000; performance.now() < end; await sleep(20)) {
    if (existsSync(file) && readFileSync(file, 'utf8').endsWith('\n')) return readFileSync(file, 'utf8').trim();
  }
  throw new Error('10 s have passed, and the command has not opened the browser');
}
