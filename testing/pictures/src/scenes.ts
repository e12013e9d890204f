import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { approveDevice, signInAs, startAuthority } from 'testing-authority';
import { Home, Shell } from './shell.ts';

/** By the name of its picture, what each terminal in it was sent. */
export type Scenes = Record<'login' | 'device' | 'status' | 'api' | 'error', string[]>;

const username = 'ada.lovelace@example.com';

/** Runs the command as a person does, with a provider that a real sign-in goes through. */
export async function playScenes(): Promise<Scenes> {
  const authority = await startAuthority({ deviceInterval: 0 });
  try {
    using home = new Home(authority);
    const login = `onedrive-token login --client-id ${authority.clientId}`;
    return {
      error: await play(home, async (shell) => {
        await shell.run('onedrive-token login');
        return [shell.output];
      }),
      login: await play(home, async (shell) => {
        await shell.shows(/\$ $/);
        shell.type(login);
        await shell.shows(/left, Ctrl-C cancels$/);
        const waiting = shell.output;
        await signInAs(await addressGiven(home), { username });
        await shell.shows(/Signed in as .*\n\$ $/);
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
      device: await play(home, async (shell) => {
        await shell.shows(/\$ $/);
        shell.type('onedrive-token login --device');
        const [, uri = '', code = ''] = await shell.shows(/open {3}(\S+)\n.*code {4}(\S+)\n/);
        await shell.shows(/left, Ctrl-C cancels$/);
        const waiting = shell.output;
        await approveDevice(uri, code, { username });
        await shell.shows(/Signed in as .*\n\$ $/);
        return [waiting];
      }),
    };
  } finally {
    await authority.close();
  }
}

async function play(home: Home, scene: (shell: Shell) => Promise<string[]>): Promise<string[]> {
  using shell = new Shell(home);
  const outputs = await scene(shell);
  // The prompt for a line that nobody types is no part of the picture.
  return outputs.map((output) => (output.endsWith('$ ') ? output.slice(0, output.lastIndexOf('\r\n')) : output));
}

async function addressGiven(home: Home): Promise<string> {
  const file = join(home.folder, 'address');
  for (const end = performance.now() + 10_000; performance.now() < end; await sleep(20)) {
    if (existsSync(file) && readFileSync(file, 'utf8').endsWith('\n')) return readFileSync(file, 'utf8').trim();
  }
  throw new Error('10 s have passed without a browser');
}
