import type { Finding } from '../check.ts';
import type { SiteAnswer } from './network.ts';

/** Where an authority describes itself. It needs no client id. */
export function discoveryUrl(authority: string): URL {
  return new URL(`${authority.replace(/\/+$/, '')}/v2.0/.well-known/openid-configuration`);
}

/** Whether the authority is one, and works. */
export function judgeAuthority({ response, body }: SiteAnswer): Finding {
  const { host } = new URL(response.url || 'http://unknown');
  if (response.status >= 500 || response.status === 429) {
    const remedy = 'Run this again later.';
    return { ok: false, detail: `${host} has problems: it answered with status ${response.status}`, remedy };
  }
  if (response.ok && isDescription(body)) return { ok: true, detail: `${host} answers` };
  return {
    ok: false,
    detail: `${host} does not answer like an identity provider (status ${response.status})`,
    remedy: 'Correct --authority (or ONEDRIVE_TOKEN_AUTHORITY), or log in to the network that you are in.',
  };
}

/** Whether Graph is there. Without a token it answers 401. */
export function judgeGraph({ response }: SiteAnswer): Finding {
  const { host } = new URL(response.url || 'http://unknown');
  const { status } = response;
  if (status === 401 || status === 403 || response.ok) return { ok: true, detail: `${host} answers` };
  if (status >= 500 || status === 429) {
    return {
      ok: false,
      detail: `${host} has problems: it answered with status ${status}`,
      remedy: 'Run this again later.',
    };
  }
  return {
    ok: false,
    detail: `${host} does not answer like Microsoft Graph (status ${status})`,
    remedy: 'Correct --graph (or ONEDRIVE_TOKEN_GRAPH), or log in to the network that you are in.',
  };
}

function isDescription(body: string): boolean {
  try {
    return typeof JSON.parse(body).token_endpoint === 'string';
  } catch {
    return false;
  }
}
