import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from '@azure/msal-node';
import type { Authority } from './authority.ts';

/** What msal-node believes to talk to. It insists on https, and knows this host's endpoints by heart. */
export const microsoft = 'https://login.microsoftonline.com';

/** The `system.networkClient` with which msal-node reaches an authority where it believes to reach Microsoft. */
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
