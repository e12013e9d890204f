/**
 * Gives the address on which a browser of another computer ended to the listener on this one, as that browser would have done.
 * Resolves with what is wrong with it, or with undefined if it was taken or came too late.
 */
export async function deliverPastedAddress(pasted: string, redirectUri: URL): Promise<string | undefined> {
  const address = parseAddress(pasted);
  if (!address) return 'that is not an address; copy all of it from the address bar, it starts with http://localhost';
  if (address.host !== redirectUri.host || address.protocol !== redirectUri.protocol)
    return `that is not the page this sign-in ends at; its address starts with ${redirectUri.origin}`;
  if (!address.search) return 'the part after the ? is missing; copy the whole address';
  const status = await get(address);
  if (status < 400) return undefined;
  return 'that address is not of this sign-in; open the address above again';
}

function parseAddress(pasted: string): URL | undefined {
  const text = pasted.trim().replace(/^(?=(localhost|127\.0\.0\.1|\[::1\]):\d)/, 'http://');
  return URL.parse(text) ?? undefined;
}

function get(address: URL): Promise<number> {
  // `getBuiltinModule`, because an `import` of `node:http` also loads its less used parts, which takes 40 ms.
  const { request } = process.getBuiltinModule('node:http');
  return new Promise((resolve) => {
    const { host, port, pathname, search } = address;
    // The listener's own address, so that no name is looked up.
    const options = { host: '127.0.0.1', port, path: pathname + search, headers: { host }, agent: false };
    request(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      // The listener is gone because the sign-in has just ended: there is nothing to report.
      .once('error', () => resolve(0))
      .end();
  });
}
