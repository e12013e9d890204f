/**
 * Gives the answer in a pasted address to the listener on this computer, as a browser here would have done. `authorizationUrl` is
 * the address at which the person signed in: its `state` and `redirect_uri` say which answer is expected.
 *
 * Resolves with what is wrong with the pasted text, or with undefined if the answer was delivered or came too late.
 */
export async function deliverPastedAddress(pasted: string, authorizationUrl: URL): Promise<string | undefined> {
  const { AuthorizationError, RedirectUrlError, readRedirectUrl } = await import('onedrive-token-handler/redirect-url');
  const state = authorizationUrl.searchParams.get('state') ?? '';
  const redirectUri = authorizationUrl.searchParams.get('redirect_uri') ?? '';
  let answer: URLSearchParams;
  try {
    answer = readRedirectUrl(pasted, { state, redirectUri }).params;
  } catch (error) {
    if (error instanceof RedirectUrlError) return error.message;
    if (!(error instanceof AuthorizationError)) throw error;
    answer = new URLSearchParams({ error: error.error, state });
    if (error.errorDescription !== undefined) answer.set('error_description', error.errorDescription);
  }
  await sendToListener(new URL(redirectUri), answer);
  return undefined;
}

/** Resolves when the listener has answered, or if it is gone because the sign-in has just ended. */
function sendToListener({ host, port, pathname }: URL, answer: URLSearchParams): Promise<void> {
  // `getBuiltinModule`, because an `import` of `node:http` also loads its less used parts, which takes 40 ms.
  const { request } = process.getBuiltinModule('node:http');
  // The listener's own address, so that no name is looked up.
  const options = { host: '127.0.0.1', port, path: `${pathname}?${answer}`, headers: { host }, agent: false };
  return new Promise((resolve) => {
    request(options, (response) => {
      response.resume();
      resolve();
    })
      .once('error', () => resolve())
      .end();
  });
}
