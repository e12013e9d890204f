import type { KoaContextWithOIDC } from 'oidc-provider';
import { endpointPaths } from '../paths.ts';
import { escapeHtml, renderAlert, renderPage } from './page.ts';

/** Asks for the code that the device shows. `form` is oidc-provider's own form, without a label and a button. */
export function renderDeviceInputPage(ctx: KoaContextWithOIDC, form: string, _out?: unknown, error?: Error): void {
  ctx.type = 'html';
  if (error?.name === 'AbortedError') {
    ctx.body = renderPage('You have cancelled the sign-in', '<p>You may now close this window.</p>');
    return;
  }
  ctx.body = renderPage(
    'Enter code',
    `${renderAlert(error && alertOf(error))}
<form method="post" action="${endpointPaths.code_verification}">
${hiddenFields(form)}
<label for="user_code">Enter the code displayed on your app or device</label>
<input id="user_code" name="user_code" autocomplete="off" required value="${escapeHtml(String(ctx.query.otc ?? ''))}">
<menu><button name="answer" value="accept">Next</button></menu>
</form>`,
  );
}

/** Asks whether it really is the user's own device (RFC 8628 section 5.4). */
export function renderDeviceConfirmPage(
  ctx: KoaContextWithOIDC,
  form: string,
  client: { clientName?: string | undefined; clientId: string },
  _device: unknown,
  userCode: string,
): void {
  ctx.type = 'html';
  ctx.body = renderPage(
    `Are you trying to sign in to ${client.clientName ?? client.clientId}?`,
    `<p>Only continue if you got the code <strong>${escapeHtml(userCode)}</strong> from an app that you started yourself.</p>
<form method="post" action="${endpointPaths.code_verification}">
${hiddenFields(form)}
<menu>
<button name="abort" value="yes">Cancel</button>
<button name="confirm" value="yes">Continue</button>
</menu>
</form>`,
  );
}

/** Says that the user is done here. */
export function renderDeviceDonePage(ctx: KoaContextWithOIDC): void {
  ctx.type = 'html';
  ctx.body = renderPage(
    ctx.oidc.client?.clientName ?? 'Signed in',
    '<p>You have signed in on your device. You may now close this window.</p>',
  );
}

function hiddenFields(form: string): string {
  return (form.match(/<input type="hidden"[^>]*>/g) ?? []).filter((field) => !field.includes('"confirm"')).join('\n');
}

function alertOf(error: Error): string {
  if (error.name === 'ExpiredError') return 'That code has expired. Get a new one from your app or device.';
  return "That code didn't work. Check the code and try again.";
}
