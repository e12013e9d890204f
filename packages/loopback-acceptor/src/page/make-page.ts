/**
 * Makes the page that the browser shows when the wait has ended. This folder holds the page, its texts and what keeps
 * secrets and foreign HTML out of it. It does not know how the wait came to its end.
 */
import { hash } from 'node:crypto';
import type { PageContext } from '../acceptor-options.ts';
import type { AuthorizationResponse } from '../answer/read-answer.ts';
import type { RequestHead } from '../http/request-head.ts';
import type { Response } from '../http/response.ts';
import { replaceSecrets, toPlainText } from '../plain-text.ts';
import { renderBuiltInPage, renderText, script, style } from './built-in-page.ts';

/** How the wait ended. */
export type Outcome = Omit<PageContext, 'escape'>;

/** Makes the response that carries the page. It is HTML, or plain text if the `headers` of the request do not accept HTML. */
export function makePage(
  outcome: Outcome,
  headers: RequestHead['headers'],
  renderPage: ((page: PageContext) => string) | undefined,
): Response {
  const page: PageContext = { ...outcome, escape: escapeHtml };
  const status = outcome.outcome === 'failed' ? '500 Internal Server Error' : '200 OK';
  if (!acceptsHtml(headers)) return { status, body: { type: 'text/plain', text: renderText(page) } };
  const custom = renderPage && renderSafely(renderPage, page);
  const styles = custom === undefined ? hashSource(style) : "'unsafe-inline'";
  const policy = `script-src ${hashSource(script)}; style-src ${styles}; img-src data:`;
  const text = custom === undefined ? renderBuiltInPage(page) : addScript(custom);
  return { status, policy, body: { type: 'text/html', text } };
}

/**
 * Browsers name text/html, and a client that names nothing takes anything. A client that sends only a wildcard is either curl,
 * which shows text, or `fetch()`, which takes the place of a browser.
 */
function acceptsHtml(headers: RequestHead['headers']): boolean {
  const accept = headers.get('accept');
  if (accept === undefined || /\btext\/html\b/i.test(accept)) return true;
  return accept === '*/*' && headers.has('sec-fetch-mode');
}

/** Returns undefined if `renderPage` fails, because that must not end the sign-in. */
function renderSafely(renderPage: (page: PageContext) => string, page: PageContext): string | undefined {
  try {
    const html: unknown = renderPage(page);
    if (typeof html === 'string') return html;
    // `renderPage` may be an async function by mistake. Its rejection must not be unhandled.
    if (html instanceof Promise) html.catch(() => {});
    return undefined;
  } catch {
    return undefined;
  }
}

/** What has to stay before the script: a doctype, without which browsers fall back to the rules of old pages. */
const beginning = /^(?:\s|<!--[\s\S]*?-->)*(?:<!doctype[^>]*>)?/i;

/**
 * Puts the script before all that could keep it from running: an element that is not closed, or a policy in the page. A tag for
 * `html` may follow it: its attributes count as if it came first. So may an icon. Without the empty one, browsers would look for
 * `/favicon.ico`, and complain in the console that the policy forbids that.
 */
function addScript(html: string): string {
  return html.replace(beginning, (start) => `${start}<script>${script}</script><link rel="icon" href="data:,">`);
}

function hashSource(inline: string): string {
  return `'sha256-${hash('sha256', inline, 'base64')}'`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** See `PageContext.escape`. */
function escapeHtml(text = ''): string {
  return toPlainText(text).replace(/[&<>"']/g, (character) => entities[character] as string);
}

/** Shorter values are not secret, and replacing them could make the message unreadable. */
const minSecretLength = 8;

/**
 * The part of a rejection that the page may show: its code or name, and its message without the code and the state of the
 * response. Never throws: a property of an error can have any type, and reading it can throw.
 */
export function describeRejection(reason: unknown, response: AuthorizationResponse | undefined): Outcome {
  const outcome = { outcome: 'failed', redeemed: false, error: 'Error' } as const;
  try {
    if (!(reason instanceof Error)) return outcome;
    const { code, name, message }: { code?: unknown; name: unknown; message: unknown } = reason;
    const secrets = [response?.code ?? '', response?.params.get('state') ?? ''];
    const isSecret = (text: string): boolean => text.length >= minSecretLength;
    const description = typeof message === 'string' && replaceSecrets(message, secrets.filter(isSecret), '…');
    const error = [code, name, 'Error'].find((text) => typeof text === 'string') as string;
    return { ...outcome, error, ...(description && { description }) };
  } catch {
    return outcome;
  }
}
