import { createHash } from 'node:crypto';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { clientInfoOf } from '../accounts.ts';
import { escapeHtml } from '../sign-in/page.ts';
import { describeError } from './microsoft-errors.ts';

type Payload = Record<string, unknown>;

const script = 'document.forms[0].submit()';
const scriptHash = createHash('sha256').update(script).digest('base64');

/** `response_mode=form_post`: a page that posts itself to the app (OAuth 2.0 Form Post Response Mode), or without script has a button. */
export function sendByFormPost(ctx: KoaContextWithOIDC, redirectUri: string, payload: Payload): void {
  const fields = Object.entries(answer(ctx, payload)).map(
    ([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`,
  );
  ctx.status = 200;
  ctx.type = 'html';
  ctx.set('content-security-policy', `default-src 'none'; script-src 'sha256-${scriptHash}'`);
  // With this policy, Chromium sends `Origin: null`, as if Microsoft's https page had posted to the app's http address.
  ctx.set('referrer-policy', 'no-referrer');
  ctx.body = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Working...</title></head>
<body>
<form method="post" name="hiddenform" action="${escapeHtml(redirectUri)}">
${fields.join('\n')}
<noscript><p>Script is disabled. Click Submit to continue.</p><button>Submit</button></noscript>
</form>
<script>${script}</script>
</body>
</html>
`;
}

/** `response_mode=query`: a redirect to the app with the answer in the address. */
export function sendByQuery(ctx: KoaContextWithOIDC, redirectUri: string, payload: Payload): void {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(answer(ctx, payload))) url.searchParams.set(name, value);
  ctx.redirect(url.href);
}

function answer(ctx: KoaContextWithOIDC, payload: Payload): Record<string, string> {
  // Microsoft sends no `iss` (RFC 9207).
  const { iss: _, ...rest } = payload as Record<string, string>;
  if (rest.error === undefined) {
    const asked = ctx.oidc.params?.client_info === '1';
    return { ...rest, ...(asked && { client_info: clientInfoOf(ctx.oidc.account?.accountId ?? '') }) };
  }
  // The sign-in pages have already used Microsoft's words for it.
  if (rest.error === 'access_denied') return rest;
  const { error, error_description } = describeError(ctx, rest).body;
  return { ...rest, error, error_description };
}
