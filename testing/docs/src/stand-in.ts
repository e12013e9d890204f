import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import type { Authority } from 'testing-authority';
import { bin, type CliHome, type Ended, openScene } from '../../../packages/cli/test/fixtures/cli-home.ts';
import { root } from './repository.ts';

/** A person's home with the command installed, and a provider in Microsoft's place. */
export interface StandIn extends AsyncDisposable {
  readonly home: CliHome;
  readonly authority: Authority;
  /** Where `onedrive-token` is. */
  readonly binFolder: string;
  /** Runs a script in bash, in the home; the addresses and ids in it are made those of the stand-in. */
  run(script: string, env?: NodeJS.ProcessEnv): Promise<Ended>;
  /** Runs a program that finds its packages as this one does. */
  runProgram(source: string, env?: NodeJS.ProcessEnv): Promise<Ended>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openStandIn(): Promise<StandIn> {
  const { home, authority, ...scene } = await openScene();
  const binFolder = join(home.folder, 'bin');
  mkdirSync(binFolder);
  symlinkSync(bin, join(binFolder, 'onedrive-token'));
  symlinkSync(join(root, 'testing/docs/node_modules'), join(home.folder, 'node_modules'));
  const path = [binFolder, dirname(process.execPath), process.env.PATH].join(delimiter);
  const run = (script: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> => {
    const here = script
      .replaceAll('YOUR-CLIENT-ID', authority.clientId)
      .replaceAll('https://graph.microsoft.com/v1.0', authority.graphUrl);
    return home.shell(`unset -f onedrive-token\n${here}`, { env: { PATH: path, ...env } });
  };
  return {
    home,
    authority,
    binFolder,
    run,
    runProgram(source, env = {}) {
      writeFileSync(join(home.folder, 'program.ts'), source);
      return run('node program.ts', env);
    },
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  };
}
