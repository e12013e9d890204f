import { type Authority, type AuthorityOptions, startAuthority } from 'testing-authority';
import { scriptedBrowser } from './browser-commands.ts';
import { CliHome } from './cli-home.ts';

/** A home, and a provider that the command in it signs in to. */
export interface Scene extends AsyncDisposable {
  readonly home: CliHome;
  readonly authority: Authority;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a provider, and makes a home whose variables name it. `env` is added to those of the home. */
export async function openScene(options: AuthorityOptions & { env?: NodeJS.ProcessEnv } = {}): Promise<Scene> {
  const authority = await startAuthority(options);
  const home = new CliHome({
    ONEDRIVE_TOKEN_AUTHORITY: authority.url,
    ONEDRIVE_TOKEN_GRAPH: authority.graphUrl,
    BROWSER: scriptedBrowser,
    ...options.env,
  });
  return {
    home,
    authority,
    async [Symbol.asyncDispose]() {
      home[Symbol.dispose]();
      await authority.close();
    },
  };
}

/** The same, with a user who is signed in. */
export async function openSignedInScene(options?: Parameters<typeof openScene>[0]): Promise<Scene> {
  const scene = await openScene(options);
  try {
    await scene.home.login(['--client-id', scene.authority.clientId]);
  } catch (error) {
    await scene[Symbol.asyncDispose]();
    throw error;
  }
  return scene;
}
