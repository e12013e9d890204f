import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { proxyOf } from 'onedrive-token-handler';
import type { Check, Finding } from '../check.ts';

const timeoutMs = 10_000;
const afterTls = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|SSL|TLS|EPROTO|INVALID_CA/;

/** A server, and one request to it that every check of this server shares. */
export interface Site {
  readonly name: 'authority' | 'graph';
  readonly url: URL;
  readonly answer: () => Promise<SiteAnswer>;
}

export interface SiteAnswer {
  readonly response: Response;
  readonly body: string;
  /** Epoch milliseconds: when the request was sent, and when the answer began. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

/** The request is sent when the first check asks for its answer. */
export function createSite(name: Site['name'], url: URL, fetch: Fetch): Site {
  let answer: Promise<SiteAnswer> | undefined;
  const ask = async (): Promise<SiteAnswer> => {
    const sentAt = Date.now();
    const response = await request(url, fetch);
    const answeredAt = Date.now();
    return { response, body: await response.text(), sentAt, answeredAt };
  };
  return {
    name,
    url,
    answer: () => {
      answer ??= ask();
      return answer;
    },
  };
}

async function request(url: URL, fetch: Fetch): Promise<Response> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return await fetch(url, { signal, redirect: 'manual' });
  } catch (error) {
    if (!signal.aborted) throw error;
    const advice = 'Check the network, HTTPS_PROXY and NO_PROXY, then try again.';
    throw new Error(`${url.host} did not answer within ${timeoutMs / 1000} s. ${advice}`, { cause: error });
  }
}

/** Whether the server's name is found, its certificate is trusted, and it answers: three checks. */
export function checkSite(site: Site, judge: (answer: SiteAnswer) => Finding, hasProxy: boolean): Check[] {
  const { name, url } = site;
  const proxied = proxyOf(url) !== undefined;
  const lookUp: Check = { name: `${name}-name`, run: () => lookUpHost(url) };
  const tls: Check = {
    name: `${name}-tls`,
    needs: [...(hasProxy && proxied ? ['proxy'] : []), lookUp.name],
    run: async () => {
      if (url.protocol === 'http:') return { ok: true, detail: `${url.host} is on this machine, without TLS` };
      try {
        await site.answer();
      } catch (error) {
        // If there is no connection at all, the next check says so.
        if (afterTls.test(codesOf(error))) throw error;
        return { ok: true, detail: `nothing is wrong with the certificate of ${url.host}` };
      }
      return { ok: true, detail: `the certificate of ${url.host} is trusted` };
    },
  };
  return [lookUp, tls, { name, needs: [tls.name], run: async () => judge(await site.answer()) }];
}

async function lookUpHost(url: URL): Promise<Finding> {
  const host = url.hostname.replace(/^\[(.+)\]$/, '$1');
  if (isIP(host)) return { ok: true, detail: `${host} is an address` };
  const proxy = proxyOf(url);
  if (proxy) return { ok: true, detail: `the proxy ${proxy.host} looks up ${host}` };
  try {
    const found = await lookup(host, { all: true });
    return { ok: true, detail: `${host} is ${found.map(({ address }) => address).join(', ')}` };
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    const place = process.platform === 'win32' ? '' : ' (/etc/resolv.conf)';
    const remedy = `Check the network and the name servers${place}. If only a proxy reaches the internet, set HTTPS_PROXY.`;
    return { ok: false, detail: `the name ${host} is not found (${code})`, remedy };
  }
}

/** One check for the proxies that the two servers are reached through. */
export function checkProxy(sites: readonly Site[]): Check {
  return {
    name: 'proxy',
    async run() {
      const proxies = new Map(sites.flatMap(({ url }) => proxyOf(url) ?? []).map((proxy) => [proxy.host, proxy]));
      if (proxies.size === 0) return { ok: true, detail: 'none is used (HTTPS_PROXY, HTTP_PROXY)' };
      for (const { host, variable } of proxies.values()) {
        const reason = await reasonForNoConnection(host);
        const remedy = `Start it, correct ${variable}, or put the hosts that need no proxy into NO_PROXY.`;
        if (reason) return { ok: false, detail: `no connection to the proxy ${host} (${reason})`, remedy };
      }
      return { ok: true, detail: `${[...proxies.keys()].join(', ')} accepts connections` };
    },
  };
}

function reasonForNoConnection(host: string): Promise<string | undefined> {
  const { hostname, port } = new URL(`http://${host}`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname.replace(/^\[(.+)\]$/, '$1'), port: Number(port || 80) });
    const end = (reason?: string): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.setTimeout(timeoutMs, () => end('no answer'));
    socket.once('connect', () => end());
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) => end(code ?? message));
  });
}

function codesOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { code = '' } = error as NodeJS.ErrnoException;
  return `${code} ${codesOf(error.cause)}`;
}
