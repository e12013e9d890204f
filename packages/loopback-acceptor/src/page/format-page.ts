/**
 * Makes the page that the browser shows when the wait has ended. This folder holds the page, its texts and what keeps
 * secrets and foreign HTML out of it. It does not know how the wait came to its end.
 */
import { createHash } from 'node:crypto';
import type { RequestHead } from '../http/request-head.ts';
import { formatResponse } from '../http/response.ts';
import { toPlainText } from '../plain-text.ts';
import { renderBuiltInPage, renderText, style } from './built-in-page.ts';
import type { PageContext } from './page-context.ts';

/** How the wait ended. */
export type Outcome = Omit<PageContext, 'escape'>;

/**
 * Takes the code out of the address bar and of the window's history. A redirect would do that without a script, but would
 * need a second request when the server is already closing.
 */
const script = "history.replaceState(null,'',location.origin+location.pathname)";

/**
 * Formats the response that carries the page. It is HTML, or plain text if the `headers` of the request do not accept HTML.
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
  const text = completeHead(custom ?? renderBuiltInPage(page));
  return formatResponse({ status, policy: makePolicy(custom === undefined), body: { type: 'text/html', text } });
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

const tagEnd = String.raw`(?:\s(?:"[^"]*"|'[^']*'|[^"'>])*)?>`;
const space = String.raw`(?:\s|<!--[^]*?-->)*`;
/** What can come before the elements of the head: white space, comments, the doctype, and the tags that may be left out. */
const beforeHead = new RegExp(
  `^${space}(?:<!doctype[^>]*>)?(?:${space}<html${tagEnd})?(?:${space}<head${tagEnd})?`,
  'i',
);

/** Where an icon is looked for. A huge page must not cost time. An icon further down still takes the place of the empty one. */
const searchedLength = 16_384;

/**
 * Puts the script into the head, before all that could keep it from running: an element of `renderPage` that is not closed, or a
 * policy in the page.
 *
 * Gives a page an empty icon if it has none. Otherwise the browser looks for `/favicon.ico`, and its console complains that the
 * policy forbids that.
 */
function completeHead(html: string): string {
  const beginning = html.slice(0, searchedLength);
  const icon = /<link\s[^>]*\bicon\b/i.test(beginning) ? '' : '<link rel="icon" href="data:,">';
  const [start = ''] = beforeHead.exec(beginning) ?? [];
  return `${start}<script>${script}</script>${icon}${html.slice(start.length)}`;
}

function makePolicy(isBuiltIn: boolean): string {
  const styles = isBuiltIn ? hashSource(style) : "'unsafe-inline'";
  return `script-src ${hashSource(script)}; style-src ${styles}; img-src data:`;
}

function hashSource(inline: string): string {
  return `'sha256-${createHash('sha256').update(inline).digest('base64')}'`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** See `PageContext.escape`. */
function escapeHtml(text = ''): string {
  return toPlainText(text).replace(/[&<>"']/g, (character) => entities[character] as string);
}
