/** Requests through the caller's dispatcher, or the proxies that the environment names. */
import * as undici from 'undici';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import { type FormPost, formHeaders, type HttpAnswer, patience, readRetryAfter, readText } from './post-form.ts';
import { proxySpelling } from './proxy-of.ts';

/** Throws CONFIGURATION in Bun, whose own `undici` fails only after the provider has answered, when the sent token is spent. */
export function assertUsable(): void {
  if (typeof undici.Dispatcher?.prototype.destroy === 'function') return;
  const problem = 'Bun replaces the package undici, which a proxy or the option dispatcher needs';
  throw new OneDriveTokenError('CONFIGURATION', problem, {
    remedy: 'Run this program in Node.js or Deno, or do without them',
  });
}

/** As `postForm` of post-form.ts. */
export async function postForm(
  { url, body, signal, isPatient }: FormPost,
  given?: undici.Dispatcher,
): Promise<HttpAnswer> {
  // One for each request, because undici keeps waiting for a silent proxy even after the request was aborted.
  const dispatcher = given ?? proxyByEnvironment(isPatient);
  try {
    const response = await undici.request(url, {
      dispatcher,
      signal,
      method: 'POST',
      headers: formHeaders,
      body,
      // `connection: close`
      reset: true,
    });
    const [retryAfter, date] = [response.headers['retry-after'], response.headers.date].map((each) => [each].flat()[0]);
    return {
      status: response.statusCode,
      retryAfter: readRetryAfter(retryAfter, date),
      body: await readText(response.body),
    };
  } finally {
    if (!given) dispatcher.destroy().catch(() => {});
  }
}

/** undici's fetch. Throws what undici throws. */
export async function fetch(url: URL, init: RequestInit, dispatcher: undici.Dispatcher): Promise<Response> {
  // undici would send the text "[object FormData]" for a form of Node's own class.
  const isForm = Object.prototype.toString.call(init.body) === '[object FormData]';
  const isForeign = isForm && !(init.body instanceof undici.FormData);
  const sent = isForeign ? { ...init, body: await new Response(init.body).blob() } : init;
  const options = { ...(sent as unknown as undici.RequestInit), dispatcher };
  return (await undici.fetch(url, options)) as unknown as Response;
}

export function proxyByEnvironment(isPatient?: boolean): undici.Dispatcher {
  const options: object = patience(isPatient);
  try {
    // `proxyTls` is for the connection to the proxy, also if that has no TLS.
    return new undici.EnvHttpProxyAgent({ ...options, proxyTls: options });
  } catch {
    // Shows neither the value nor a cause that quotes it, because a proxy's address may hold a password.
    const problem = 'HTTPS_PROXY or HTTP_PROXY is not the address of a proxy';
    throw new OneDriveTokenError('CONFIGURATION', problem, { remedy: `Write it like ${proxySpelling}` });
  }
}
