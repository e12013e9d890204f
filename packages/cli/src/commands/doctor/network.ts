import { proxyOf, readServerDate } from 'onedrive-token-handler';
import { formatDuration } from '../../settings/duration.ts';
import { Failure } from '../../terminal/failure.ts';
import { type Check, NotChecked, once } from './check.ts';

export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** What a server has answered to one request. */
interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly body: string;
  /** Where it redirects to; or ''. */
  readonly location: string;
  /** What its Date header says, in epoch milliseconds: NaN if there is none. */
  readonly date: number;
  /** Epoch milliseconds: when the request was sent, and when the answer began. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

const timeoutMs = 10_000;
/** A machine that sets its clock by the network is closer. Seconds are all that the Date header has. */
const toleranceMs = 60_000;

/** The clock, the authority and Graph. That a name is not found, or a certificate not trusted, is in the error of the request. */
export function networkChecks(authority: () => Promise<string>, graph: string, fetch: Fetch): readonly Check[] {
  const discoveryUrl = once(async () => new URL(`${trimmed(await authority())}/v2.0/.well-known/openid-configuration`));
  const askAuthority = once(async () => ask(await discoveryUrl(), fetch));
  return [
    { name: 'clock', run: async () => judgeClock(await discoveryUrl(), await askAuthority().catch(() => undefined)) },
    { name: 'authority', run: async () => judgeAuthority(await askAuthority()) },
    { name: 'graph', run: async () => judgeGraph(await ask(new URL(`${trimmed(graph)}/me`), fetch)) },
  ];
}

export function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}

/** Throws what the handler says about the connection. */
export async function ask(url: URL, fetch: Fetch): Promise<Answer> {
  const signal = AbortSignal.timeout(timeoutMs);
  const sentAt = Date.now();
  try {
    const response = await fetch(url, { signal, redirect: 'manual' });
    const answeredAt = Date.now();
    const { status, headers } = response;
    const [date, location] = [Date.parse(headers.get('date') ?? ''), headers.get('location') ?? ''];
    return { url, status, body: await response.text(), location, date, sentAt, answeredAt };
  } catch (error) {
    if (!signal.aborted) throw error;
    const remedy = 'Check the network, HTTPS_PROXY and NO_PROXY, then try again';
    throw new Failure(`${url.host} did not answer within ${timeoutMs / 1000} s`, { remedy, cause: error });
  }
}

/** If no certificate is accepted, perhaps because the clock is wrong by days, the server is asked for its time all the same. */
async function judgeClock(url: URL, answer: Answer | undefined): Promise<string> {
  const now = Date.now();
  const isHttps = url.protocol === 'https:';
  const time = answer?.date ?? (isHttps ? await readServerDate(url) : undefined) ?? Number.NaN;
  if (Number.isNaN(time)) throw new NotChecked('authority');
  const { sentAt = now, answeredAt = Date.now() } = answer ?? {};
  // The header was written at some moment between the two.
  const differenceMs = time < sentAt ? sentAt - time : Math.min(0, answeredAt - time);
  if (Math.abs(differenceMs) <= toleranceMs) return `agrees with ${url.host} to the minute`;
  const minutes = Math.round(Math.abs(differenceMs) / 60_000);
  const by = `${formatDuration(minutes * 60_000)} ${differenceMs > 0 ? 'fast' : 'slow'}`;
  const says = `it says ${utc(answeredAt)}, and ${url.host} says ${utc(time)}`;
  const remedy = 'Set it, for example: timedatectl set-ntp true';
  throw new Failure(`this machine's clock is ${by}: ${says}`, { remedy });
}

function utc(timestamp: number): string {
  return `${new Date(timestamp).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function judgeAuthority(answer: Answer): string {
  refuseTrouble(answer);
  if (answer.status === 200 && isDescription(answer.body)) return answers(answer);
  throw notLike('an identity provider', answer, '--authority (or ONEDRIVE_TOKEN_AUTHORITY)');
}

/** Without a token, Graph answers 401. */
function judgeGraph(answer: Answer): string {
  refuseTrouble(answer);
  if ([200, 401, 403].includes(answer.status)) return answers(answer);
  throw notLike('Microsoft Graph', answer, '--graph (or ONEDRIVE_TOKEN_GRAPH)');
}

/** Throws if the server says that it cannot work now. */
export function refuseTrouble({ url: { host }, status }: Pick<Answer, 'url' | 'status'>): void {
  if (status < 500 && status !== 429) return;
  throw new Failure(`${host} has problems: it answered with status ${status}`, { remedy: 'Run this again later' });
}

function answers({ url }: Answer): string {
  const proxy = proxyOf(url);
  return `${url.host} answers${proxy ? ` through the proxy ${proxy.host} (${proxy.variable})` : ''}`;
}

function notLike(what: string, { url, status }: Answer, option: string): Failure {
  const remedy = `Correct ${option}, or log in to the network that you are in`;
  return new Failure(`${url.host} does not answer like ${what} (status ${status})`, { remedy });
}

function isDescription(body: string): boolean {
  try {
    return typeof JSON.parse(body).token_endpoint === 'string';
  } catch {
    return false;
  }
}
