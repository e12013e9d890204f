/** The address of an endpoint of the provider. In a file of its own, so that a browser is opened before the rest of this folder is loaded. */
export function endpointUrl(authority: string, endpoint: 'authorize' | 'token' | 'devicecode'): URL {
  return new URL(`${authority}/oauth2/v2.0/${endpoint}`);
}
