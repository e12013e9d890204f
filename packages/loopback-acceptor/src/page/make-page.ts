/**
 * Makes the page that the browser shows when the wait has ended. This folder holds the page, its texts and what keeps
 * secrets and foreign HTML out of it. It does not know how the wait came to its end.
 */
import { hash } from 'node:crypto';
import type { RequestHead } from '../http/request-head.ts';
import type { Response } from '../http/response.ts';
import { toPlainText } from '../plain-text.ts';
import { renderBuiltInPage, renderText, script, style } from './built-in-page.ts';
import type { PageContext } from './page-context.ts';

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
  const text = custom === undefined ? renderBuiltInPage(page) : addScript(custom);
  return { status, policy: makePolicy(custom === undefined), body: { type: 'text/html', text } };
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

function makePolicy(isBuiltIn: boolean): string {
  const styles = isBuiltIn ? hashSource(style) : "'unsafe-inline'";
  return `script-src ${hashSource(script)}; style-src ${styles}; img-src data:`;
}

function hashSource(inline: string): string {
  return `'sha256-${hash('sha256', inline, 'base64')}'`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** See `PageContext.escape`. */
function escapeHtml(text = ''): string {
  return toPlainText(text).replace(/[&<>"']/g, (character) => entities[character] as string);
}
