import { createHash } from 'node:crypto';
import type { RequestHead } from '../http/request-head.ts';
import { formatResponse } from '../http/response.ts';
import { renderBuiltInPage, renderText, style } from './built-in-page.ts';
import { escapeHtml } from './escape-html.ts';
import type { PageContext } from './page-context.ts';

/** How the wait ended, for the page. */
export type Outcome = Omit<PageContext, 'escape'>;

/**
 * Takes the code out of the address bar and of the window's history. A redirect would do so without a script, but needs a
 * second request at a time when the last connections are closed.
 */
const script = "history.replaceState(null,'',location.origin+location.pathname)";

/**
 * What the browser is told of how the wait ended: HTML, or plain text for a client that asks for something else, in the
 * `headers` of its request.
 */
export function formatPage(
  outcome: Outcome,
  headers: RequestHead['headers'],
  renderPage: ((page: PageContext) => string) | undefined,
): string {
  const page: PageContext = { ...outcome, escape: escapeHtml };
  const status = outcome.outcome === 'failed' ? 500 : 200;
  if (!acceptsHtml(headers)) return formatResponse({ status, body: { type: 'text/plain', text: renderText(page) } });
  const custom = renderPage && renderSafely(renderPage, page);
  const text = `${custom ?? renderBuiltInPage(page)}<script>${script}</script>\n`;
  return formatResponse({ status, policy: makePolicy(custom === undefined), body: { type: 'text/html', text } });
}

/**
 * Browsers name text/html. A client that names nothing takes anything. One with a wildcard alone is curl, which shows text, or
 * `fetch()`, which stands in for a browser.
 */
function acceptsHtml(headers: RequestHead['headers']): boolean {
  const accept = headers.get('accept');
  if (accept === undefined || /\btext\/html\b/i.test(accept)) return true;
  return accept === '*/*' && headers.has('sec-fetch-mode');
}

/** A mistake in the page must not cost the sign-in. */
function renderSafely(renderPage: (page: PageContext) => string, page: PageContext): string | undefined {
  try {
    const html: unknown = renderPage(page);
    if (typeof html === 'string') return html;
    // An async function, by mistake: neither its page nor its rejection is anybody's.
    if (html instanceof Promise) html.catch(() => {});
    return undefined;
  } catch {
    return undefined;
  }
}

function makePolicy(isBuiltIn: boolean): string {
  const styles = isBuiltIn ? hashSource(style) : "'unsafe-inline'";
  return `script-src ${hashSource(script)}; style-src ${styles}; img-src data:`;
}

function hashSource(inline: string): string {
  return `'sha256-${createHash('sha256').update(inline).digest('base64')}'`;
}
