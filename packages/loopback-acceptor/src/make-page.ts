/**
 * Makes the page that the browser shows when the wait has ended. This file holds the page, its texts, and the protection
 * against secrets and foreign HTML in it. It does not know what ended the wait.
 */
import { hash } from 'node:crypto';
import type { PageContext } from './acceptor-options.ts';
import { type AuthorizationResponse, hideSecrets } from './answer/read-answer.ts';
import type { Response } from './http/message.ts';
import { toPlainLine, toPlainText } from './plain-text.ts';

/** How the wait ended. */
export type Outcome = Omit<PageContext, 'escape'>;

/**
 * Takes the code out of the address bar and of the window's history. A redirect would do that without a script, but would
 * need a second request when the server is already closing.
 */
const script = "history.replaceState(null,'',location.origin+location.pathname)";

/** The page's only style sheet. The content security policy of the page contains its hash. */
const style = `
:root{color-scheme:light dark;--ground:#f4f5f7;--card:#fff;--text:#1b1f24;--soft:#57606a;--line:#d0d7de;--good:#116329;--bad:#a40e26}
@media (prefers-color-scheme:dark){:root{--ground:#0d1117;--card:#161b22;--text:#e6edf3;--soft:#9aa4af;--line:#3d444d;--good:#56d364;--bad:#ff8f87}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:30rem;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem;overflow-wrap:anywhere}
svg{display:block;width:2.5rem;height:2.5rem;fill:none;stroke:var(--bad);stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.accepted svg{stroke:var(--good)}
h1{margin:.75rem 0 .25rem;font-size:1.375rem;line-height:1.3}
p{margin:.5rem 0 0;text-wrap:pretty}
.reason{margin-top:1.25rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
code{font-family:ui-monospace,monospace;color:var(--text)}
`;

const again = 'You can close this window and try again in the program.';
const backToProgram = 'You can close this window and go back to the program.';

const contents = {
  redeemed: { mark: 'm7.5 12.5 3 3 6-7', heading: 'You are signed in', sentence: backToProgram },
  accepted: {
    mark: 'm7.5 12.5 3 3 6-7',
    heading: 'Sign-in continues in the program',
    sentence: `It has received the answer. ${backToProgram}`,
  },
  denied: {
    mark: 'M12 7v6m0 3.5v.01',
    heading: 'You are not signed in',
    sentence: `The provider did not grant access. ${again}`,
  },
  failed: {
    mark: 'm8.5 8.5 7 7m0-7-7 7',
    heading: 'You are not signed in',
    sentence: `The program could not finish the sign-in. ${again}`,
  },
};

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

/**
 * Renders the built-in page. It loads nothing, suits light and dark mode and any width, and escapes all text that is not its
 * own.
 */
function renderBuiltInPage(page: PageContext): string {
  const { outcome, redeemed, error, description } = page;
  const { mark, heading, sentence } = contents[redeemed ? 'redeemed' : outcome];
  const detail = description ? `<br><bdi>${page.escape(toPlainLine(description))}</bdi>` : '';
  const reason = error === undefined ? '' : `Reason: <code>${page.escape(toPlainLine(error))}</code>${detail}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${heading}</title>
<link rel="icon" href="data:,">
<script>${script}</script>
<style>${style}</style>
</head>
<body>
<main class="${outcome}">
<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="10"/><path d="${mark}"/></svg>
<h1>${heading}</h1>
<p>${sentence}</p>
${reason && `<p class="reason">${reason}</p>`}
</main>
</body>
</html>
`;
}

/** Returns undefined if `renderPage` fails, because that must not end the sign-in. */
function renderSafely(renderPage: (page: PageContext) => string, page: PageContext): string | undefined {
  try {
    const html: unknown = renderPage(page);
    // `renderPage` must not be async. If it is, its rejection would end the process.
    Promise.resolve(html).catch(() => {});
    return typeof html === 'string' ? html : undefined;
  } catch {
    return undefined;
  }
}

/** What has to stay before the script: a doctype. Browsers would use quirks mode without it. */
const beginning = /^(?:\s|<!--[\s\S]*?-->)*(?:<!doctype[^>]*>)?/i;

/**
 * Puts the script before everything that could keep it from running: an element that is not closed, or a policy in the page. An
 * `html` tag may follow the script: browsers still apply its attributes. An icon of the page may follow the empty icon. Without
 * an icon, browsers would request `/favicon.ico`, and report in the console that the policy forbids it.
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
 * response. `reason` may be a value of any type.
 */
export function describeRejection(reason: unknown, response: AuthorizationResponse | undefined): Outcome {
  const { code, name, message } = readFields(reason);
  const secrets = response ? [response.code, response.params.get('state') ?? ''] : [];
  const description = typeof message === 'string' && hideSecrets(message, secrets);
  const error = [code, name, 'Error'].find((text) => typeof text === 'string') as string;
  return { outcome: 'failed', redeemed: false, error, ...(description && { description }) };
}

/** Nothing of a value whose getters throw: an abort reads its reason where an exception would end the process. */
function readFields(reason: unknown): { code?: unknown; name?: unknown; message?: unknown } {
  try {
    const { code, name, message } = Object(reason);
    return { code, name, message };
  } catch {
    return {};
  }
}
