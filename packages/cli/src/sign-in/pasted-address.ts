/**
 * Hands the address that a browser on another machine ended at to the listener on this one, as that browser would have
 * done. Settles with undefined where it was taken or came too late, else with what is wrong with it.
 */
export async function deliverPastedAddress(pasted: string, redirectUri: URL): Promise<string | undefined> {
  const address = parseAddress(pasted);
  if (!address) return 'that is not an address; copy all of it from the address bar, it starts with http://localhost';
  if (address.host !== redirectUri.host || address.protocol !== redirectUri.protocol)
    return `that is not the page this sign-in ends at; its address starts with ${redirectUri.origin}`;
  if (!address.search) return 'the part after the ? is missing; copy the whole address';
  const status = await get(address);
  if (status < 400) return undefined;
  return 'that address is not of this sign-in; open the link above once more';
}

function parseAddress(pasted: string): URL | undefined {
  const text = pasted.trim().replace(/^(?=(localhost|127\.0\.0\.1|\[::1\]):\d)/, 'http://');
  return URL.parse(text) ?? undefined;
}

function get(address: URL): Promise<number> {
  // Fetched, not imported: the `import` also loads what `node:http` offers besides, which takes 40 ms.
  const { request } = process.getBuiltinModule('node:http');
  return new Promise((resolve) => {
    const { host, port, pathname, search } = address;
    // No name is looked up: the listener is on this machine's loopback.
    const options = { host: '127.0.0.1', port, path: pathname + search, headers: { host }, agent: false };
    request(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      // Only a sign-in that has just ended does not listen any more, and nothing is left to be said.
      .once('error', () => resolve(0))
      .end();
  });
}
