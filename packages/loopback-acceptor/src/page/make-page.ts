/**
 * Makes the page that the browser shows when the wait has ended. This folder holds the page, its texts and what keeps
 * secrets and foreign HTML out of it. It does not know how the wait came to its end.
 */
import { hash } from 'node:crypto';
import type { PageContext } from '../acceptor-options.ts';
import { type AuthorizationResponse, hideSecrets } from '../answer/read-answer.ts';
import type { Response } from '../http/response.ts';
import { toPlainText } from '../plain-text.ts';
import { renderBuiltInPage, script, style } from './built-in-page.ts';

/** How the wait ended. */
export type Outcome = Omit<PageContext, 'escape'>;

/** Makes the response that carries the page. */
export function makePage(outcome: Outcome, renderPage: ((page: PageContext) => string) | undefined): Response {
  const page: PageContext = { ...outcome, escape: escapeHtml };
  const status = outcome.outcome === 'failed' ? '500 Internal Server Error' : '200 OK';
  const custom = renderPage && renderSafely(renderPage, page);
  const styles = custom === undefined ? hashSource(style) : "'unsafe-inline'";
  const policy = `script-src ${hashSource(script)}; style-src ${styles}; img-src data:`;
  const text = custom === undefined ? renderBuiltInPage(page) : addScript(custom);
  return { status, policy, body: { type: 'text/html', text } };
}

/** Returns undefined if `renderPage` fails, because that must not end the sign-in. */
function renderSafely(renderPage: (page: PageContext) => string, page: PageContext): string | undefined {
  try {
    const html: unknown = renderPage(page);
    // The rejection of an async function, which it must not be, would end the process.
    Promise.resolve(html).catch(() => {});
    return typeof html === 'string' ? html : undefined;
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

/**
 * The part of a rejection that the page may show: its code or name, and its message without the code and the state of the
 * response. It may have been rejected with a value of any type.
 */
export function describeRejection(reason: unknown, response: AuthorizationResponse | undefined): Outcome {
  const { code, name, message }: Record<string, unknown> = Object(reason);
  const secrets = response ? [response.code, response.params.get('state') ?? ''] : [];
  const description = typeof message === 'string' && hideSecrets(message, secrets);
  const error = [code, name, 'Error'].find((text) => typeof text === 'string') as string;
  return { outcome: 'failed', redeemed: false, error, ...(description && { description }) };
}
