import { join } from 'node:path';
import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { type Authority, signInAs, startAuthority } from 'testing-authority';
import { temporaryDirectory } from 'testing-authority/temporary-directory';
import { GraphClient, type GraphClientOptions } from '../src/index.ts';

/** A Graph with a drive, a handler that has signed in to it, and a folder for files. */
export interface Scene extends AsyncDisposable {
  readonly authority: Authority;
  readonly handler: OneDriveTokenHandler;
  readonly folder: string;
  client(options?: Partial<GraphClientOptions>): GraphClient;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openScene(): Promise<Scene> {
  const authority = await startAuthority();
  const folder = temporaryDirectory();
  const handler = new OneDriveTokenHandler({
    appName: 'my-app',
    clientId: authority.clientId,
    scopes: ['Files.ReadWrite.All'],
    authority: authority.url,
    dbFilepath: join(folder, 'tokens.db'),
    openBrowser: (url) => signInAs(url),
  });
  const scene: Scene = {
    authority,
    handler,
    folder,
    client: (options) =>
      new GraphClient({ getToken: (needed) => handler.getToken(needed), root: authority.graphUrl, ...options }),
    async [Symbol.asyncDispose]() {
      await handler.close();
      await authority.close();
    },
  };
  await handler.signIn();
  return scene;
}
