import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import type { Authority } from './authority.ts';

/** The authority in msal-node's configuration. msal-node requires https, and has the endpoints of this host built in. */
export const microsoft = 'https://login.microsoftonline.com';

/** For `system.networkClient` of msal-node: sends requests for Microsoft to this authority instead. */
export function networkClientFor({ origin }: Authority): INetworkModule {
  return {
    sendGetRequestAsync: (url, options) => send('GET', url.replace(microsoft, origin), options),
    sendPostRequestAsync: (url, options) => send('POST', url.replace(microsoft, origin), options),
  };
}

async function send<T>(
  method: string,
  url: string,
  { headers = {}, body }: NetworkRequestOptions = {},
): Promise<NetworkResponse<T>> {
  const response = await fetch(url, {
    method,
    headers,
    ...(body !== undefined && { body }),
    signal: AbortSignal.timeout(20_000),
  });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: (await response.json()) as T,
  };
}
