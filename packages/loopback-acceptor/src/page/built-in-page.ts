import type { PageContext } from '../acceptor-options.ts';
import { toPlainLine } from '../plain-text.ts';

/**
 * Takes the code out of the address bar and of the window's history. A redirect would do that without a script, but would
 * need a second request when the server is already closing.
 */
export const script = "history.replaceState(null,'',location.origin+location.pathname)";

/** The page's only style sheet. The content security policy of the page contains its hash. */
export const style = `
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
const done = 'You can close this window and go back to the program.';

const contents = {
  redeemed: { mark: 'm7.5 12.5 3 3 6-7', heading: 'You are signed in', sentence: done },
  accepted: {
    mark: 'm7.5 12.5 3 3 6-7',
    heading: 'Your sign-in goes on in the program',
    sentence: `It has received the answer. ${done}`,
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

/**
 * Renders the built-in page. It loads nothing, suits light and dark mode and any width, and escapes all text that is not its
 * own.
 */
export function renderBuiltInPage(page: PageContext): string {
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
