import { accountPassword } from './accounts.ts';
import { findForms, type HtmlForm } from './html-forms.ts';
import { type Page, ScriptedBrowser } from './scripted-browser.ts';

export interface SignInAsOptions {
  /** Any address has an account. Default: the one that the page suggests (`login_hint`), else `someone@example.com`. */
  username?: string;
  /** Default: the right one. */
  password?: string;
  /** Refuses consent: the app is told `access_denied`. */
  deny?: boolean;
  signal?: AbortSignal;
  /** PEM text of the certificate to trust, for an authority that serves https. */
  ca?: string;
  /** Signs in within a browser that may know the person already. Default: a fresh one. */
  browser?: ScriptedBrowser;
}

/**
 * Goes through sign-in and consent as a person without script does, form_post page included, up to the page that the
 * app shows at its redirect URI. Resolves with that page, or with the authority's error page where there is no way on.
 * Rejects with an Error where the sign-in is refused (wrong password), with a network error, or with the signal's reason.
 */
export async function signInAs(authorizationUrl: string, options: SignInAsOptions = {}): Promise<Page> {
  return goThrough(authorizationUrl, options);
}

/**
 * The same with a browser on another computer, which does not reach the app: it ends at an address that it can't open.
 * Resolves with that address.
 */
export async function signInElsewhere(authorizationUrl: string): Promise<string> {
  const browser = new ScriptedBrowser({ reaches: new URL(authorizationUrl).origin });
  return (await goThrough(authorizationUrl, { browser })).url;
}

/**
 * The person's side of the device flow: opens the verification page, types the code, signs in, and approves or denies.
 * Rejects with an Error where the code is not accepted.
 */
export async function approveDevice(
  verificationUri: string,
  userCode: string,
  options: Omit<SignInAsOptions, 'password'> = {},
): Promise<void> {
  await goThrough(verificationUri, options, userCode);
}

async function goThrough(start: string, options: SignInAsOptions, userCode = ''): Promise<Page> {
  const browser = options.browser ?? new ScriptedBrowser({ signal: options.signal, ca: options.ca });
  let page = await browser.open(start);
  // Beyond this many pages it goes round in circles.
  for (let pages = 0; pages < 12; pages += 1) {
    if (new URL(page.url).origin !== new URL(start).origin) return page;
    const [, alert] = /role="alert">([^<]*)</.exec(page.html) ?? [];
    const [form] = findForms(page.html);
    if (!form) return page;
    if (alert !== undefined) throw new Error(`the sign-in page says: ${alert.replaceAll('&#39;', "'")}`);
    const fields = fill(form, options, userCode);
    page = await browser.open(new URL(form.action, page.url).href, { fields, from: page.url });
  }
  throw new Error('the sign-in does not come to an end');
}

function fill(form: HtmlForm, options: SignInAsOptions, userCode: string): URLSearchParams {
  const { username, password = accountPassword } = options;
  const typed: Record<string, string> = { password, user_code: userCode };
  const fields = new URLSearchParams();
  for (const [name, value] of form.fields) fields.append(name, typed[name] ?? value);
  // A person leaves the address as it is where the app's login_hint has filled it in.
  if (fields.has('username')) fields.set('username', username ?? (fields.get('username') || 'someone@example.com'));
  const signsIn = form.fields.some(
    ([name]) => name === 'password' || (name === 'user_code' && form.buttons.length === 1),
  );
  const refusal = form.buttons.find(([name, value]) => name === 'abort' || value === 'cancel');
  const approval = form.buttons.find((button) => button !== refusal && button[0] !== '');
  const [name, value] = (options.deny && !signsIn && refusal) || approval || ['', ''];
  if (name) fields.append(name, value);
  return fields;
}
