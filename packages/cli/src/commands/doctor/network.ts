import { proxyOf } from 'onedrive-token-handler';
import { checkRegistration, commonFailure } from '../../session/registration.ts';
import { resolveAddress } from '../../settings/graph-failure.ts';
import { formatDuration } from '../../settings/time.ts';
import { Failure } from '../../terminal/failure.ts';
import { type Check, once } from './check.ts';

export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

type Answer = Awaited<ReturnType<typeof ask>>;

const timeoutMs = 10_000;
/** A machine that sets its clock by the network is closer. Seconds are all that the Date header has. */
const toleranceMs = 60_000;

/** The clock, the authority and Graph. That a name is not found, or a certificate not trusted, is in the error of the request. */
export function networkChecks(
  registration: () => Promise<{ authority: string; clientId: string | undefined }>,
  graph: string,
  fetch: Fetch,
): readonly Check[] {
  const discover = async () => below((await registration()).authority, '/v2.0/.well-known/openid-configuration');
  const askAuthority = once(async () => ask(await discover(), fetch));
  return [
    {
      name: 'authority',
      async run() {
        const answer = await askAuthority();
        const isRight = answer.status === 200 && answer.body.includes('"token_endpoint"');
        const works = judge(answer, isRight, ['an identity provider', '--authority (or ONEDRIVE_TOKEN_AUTHORITY)']);
        const failure = commonFailure((await registration()).authority);
        if (failure) throw failure;
        return works;
      },
    },
    { name: 'clock', needs: ['authority'], run: async () => judgeClock(await askAuthority()) },
    {
      name: 'client-id',
      needs: ['authority'],
      async run() {
        const { authority, clientId } = await registration();
        if (clientId === undefined) return 'none is known yet';
        const isKnown = await checkRegistration({ authority, clientId }, (url) => ask(url, fetch));
        return isKnown
          ? `the provider knows ${clientId}`
          : `${clientId}; this provider tells only a browser whether it knows it`;
      },
    },
    {
      name: 'graph',
      async run() {
        const answer = await ask(resolveAddress(graph, '/me').url, fetch);
        // Without a token, Graph answers 401, in JSON. A page is of another server.
        const isRight = [200, 401, 403].includes(answer.status) && /^\s*(\{|$)/.test(answer.body);
        return judge(answer, isRight, ['Microsoft Graph', '--graph (or ONEDRIVE_TOKEN_GRAPH)']);
      },
    },
  ];
}

function below(base: string, path: string): URL {
  return new URL(base.replace(/\/+$/, '') + path);
}

/** What a server answers to one request. Throws what the handler says about the connection. */
async function ask(url: URL, fetch: Fetch) {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, { signal, redirect: 'manual' });
    // By how much this machine's clock is ahead of the server's. NaN if it does not tell.
    const aheadMs = Date.now() - Date.parse(response.headers.get('date') ?? '');
    const location = response.headers.get('location');
    return { url, status: response.status, location, body: await response.text(), aheadMs };
  } catch (error) {
    if (!signal.aborted) throw error;
    const remedy = 'Check the network, HTTPS_PROXY and NO_PROXY, then try again';
    throw new Failure(`${url.host} did not answer within ${timeoutMs / 1000} s`, { remedy, cause: error });
  }
}

/** If the clock is wrong by so much that no certificate is accepted, the error of the request says so. */
function judgeClock({ url: { host }, aheadMs }: Answer): string {
  if (Number.isNaN(aheadMs)) return `${host} does not say what time it is`;
  if (Math.abs(aheadMs) <= toleranceMs) return `agrees with ${host} to the minute`;
  const minutes = Math.round(Math.abs(aheadMs) / 60_000);
  const by = `${formatDuration(minutes * 60_000)} ${aheadMs > 0 ? 'fast' : 'slow'}`;
  const remedy = 'Set it, for example: timedatectl set-ntp true';
  throw new Failure(`this machine's clock is ${by}, says ${host}`, { remedy });
}

function judge({ url, status }: Answer, isRight: boolean, [what, option]: readonly [string, string]): string {
  const { host } = url;
  if (status >= 500 || status === 429) {
    throw new Failure(`${host} has problems: it answered with status ${status}`, { remedy: 'Run this again later' });
  }
  if (!isRight) {
    const remedy = `Correct ${option}, or log in to the network that you are in`;
    throw new Failure(`${host} does not answer like ${what} (status ${status})`, { remedy });
  }
  const proxy = proxyOf(url);
  return `${host} answers${proxy ? ` through the proxy ${proxy.host} (${proxy.variable})` : ''}`;
}
