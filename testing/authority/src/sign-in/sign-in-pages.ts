import { accountPassword } from '../accounts.ts';
import { escapeHtml, renderAlert, renderPage } from './page.ts';

/** Asks for the e-mail address and the password, in one form with the buttons Sign in and Cancel. */
export function renderLoginPage(page: { action: string; username: string; alert?: string | undefined }): string {
  return renderPage(
    'Sign in',
    `${renderAlert(page.alert)}
<form method="post" action="${escapeHtml(page.action)}">
<label for="username">Email address</label>
<input id="username" name="username" type="email" autocomplete="username" required value="${escapeHtml(page.username)}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required aria-describedby="hint">
<p id="hint">Any address works. The password is <kbd>${accountPassword}</kbd>.</p>
<menu>
<button name="answer" value="cancel" formnovalidate>Cancel</button>
<button name="answer" value="accept">Sign in</button>
</menu>
</form>`,
  );
}

/** Asks for the account: `prompt=select_account`, although a user is signed in. */
export function renderAccountPage(page: { action: string; username: string }): string {
  return renderPage(
    'Pick an account',
    `<form method="post" action="${escapeHtml(page.action)}">
<button class="account" name="account" value="current">${escapeHtml(page.username)}</button>
<button class="account" name="account" value="other">Use another account</button>
<menu>
<button name="answer" value="cancel">Cancel</button>
</menu>
</form>`,
  );
}

/** Asks whether the app gets the permissions that it asks for. */
export function renderConsentPage(page: { action: string; app: string; username: string; scopes: string[] }): string {
  return renderPage(
    'Let this app access your info?',
    `<p><strong>${escapeHtml(page.app)}</strong> needs your permission to:</p>
<ul>
${page.scopes.map((scope) => `<li>${escapeHtml(scope)}</li>`).join('\n')}
</ul>
<p>Signed in as ${escapeHtml(page.username)}. You can change these permissions at any time.</p>
<form method="post" action="${escapeHtml(page.action)}">
<menu>
<button name="answer" value="cancel">Cancel</button>
<button name="answer" value="accept">Accept</button>
</menu>
</form>`,
  );
}
