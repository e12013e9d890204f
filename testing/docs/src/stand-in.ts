import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliHome, type Ended, openScene, type Scene } from 'testing-command';
import { root } from './repository.ts';

/** A home with the command installed, and a provider in Microsoft's place. */
export interface StandIn extends Scene {
  readonly home: CliHome;
  /** The folder of `onedrive-token`. It is on the PATH of the home. */
  readonly binFolder: string;
  /** Runs a script in bash, with the addresses and ids of the stand-in in place of Microsoft's. */
  run(script: string, env?: NodeJS.ProcessEnv): Promise<Ended>;
  /** Runs a program. It can import what testing/docs can import. */
  runProgram(source: string, env?: NodeJS.ProcessEnv): Promise<Ended>;
}

export async function openStandIn(): Promise<StandIn> {
  const scene = await openScene();
  const { home, authority } = scene;
  symlinkSync(join(root, 'testing/docs/node_modules'), join(home.folder, 'node_modules'));
  const run = (script: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> => {
    const here = script
      .replaceAll('YOUR-CLIENT-ID', authority.clientId)
      .replaceAll('https://graph.microsoft.com/v1.0', authority.graphUrl);
    return home.shell(here, { env });
  };
  return {
    ...scene,
    binFolder: home.installCommand(),
    run,
    runProgram(source, env = {}) {
      writeFileSync(join(home.folder, 'program.ts'), source);
      return run('node program.ts', env);
    },
  };
}
