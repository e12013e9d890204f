import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { renderBuiltInPage, renderText, style } from './built-in-page.ts';
import { escapeHtml } from './escape-html.ts';
import type { PageContext } from './page-context.ts';
import { commonHeaders, noOutside } from './refusal.ts';

/** How the wait ended, for the page. */
export type Outcome = Omit<PageContext, 'escape'>;

/**
 * Takes the code out of the address bar and of the window's history. A redirect would do so without a script, but needs a
 * second request at a time when the last connections are closed.
 */
const script = "history.replaceState(null,'',location.origin+location.pathname)";

/**
 * Tells the browser how the wait ended: HTML, or plain text for a client that asks for something else. Resolves when the
 * system has taken the whole page, so that not even the end of the process cuts it off, or when the browser is gone.
 */
export function sendPage(
  response: ServerResponse,
  outcome: Outcome,
  renderPage: ((page: PageContext) => string) | undefined,
): Promise<void> {
  if (response.destroyed) return Promise.resolve();
  const page: PageContext = { ...outcome, escape: escapeHtml };
  const custom = renderPage && renderSafely(renderPage, page);
  const isHtml = acceptsHtml(response.req.headers.accept);
  const body = isHtml ? `${custom ?? renderBuiltInPage(page)}<script>${script}</script>\n` : renderText(page);
  response.writeHead(outcome.outcome === 'failed' ? 500 : 200, {
    ...commonHeaders,
    ...(isHtml && { 'Content-Security-Policy': makePolicy(custom === undefined) }),
    'Content-Type': `text/${isHtml ? 'html' : 'plain'}; charset=utf-8`,
    'Content-Length': Buffer.byteLength(body),
  });
  return new Promise((resolve) => {
    response.on('close', resolve).end(body, resolve);
  });
}

/** Browsers name text/html. A client that names nothing takes anything; one like curl, with its wildcard, reads text. */
function acceptsHtml(accept: string | undefined): boolean {
  return accept === undefined || /\btext\/html\b/i.test(accept);
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
  return `default-src 'none'; script-src ${hashSource(script)}; style-src ${styles}; img-src data:; ${noOutside}`;
}

function hashSource(inline: string): string {
  return `'sha256-${createHash('sha256').update(inline).digest('base64')}'`;
}
