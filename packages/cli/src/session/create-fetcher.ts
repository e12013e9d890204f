import { OneDriveTokenHandler, type TokenStore } from 'onedrive-token-handler';

/** A handler that is never asked for a token: its `fetch` goes through the proxy of the environment, and explains its errors. */
export function createFetcher(): OneDriveTokenHandler {
  return new OneDriveTokenHandler({ appName: 'no tokens', clientId: 'none', scopes: ['none'], store: noStore });
}

const noStore: TokenStore = {
  get: () => undefined,
  set() {},
  replace: () => false,
  delete: () => false,
  list: () => [],
  exclusively: (_name, task) => task({ signal: new AbortController().signal }),
};
