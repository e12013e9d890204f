import { findForms, type HtmlForm } from 'testing-browsers/html-forms';
import { type Page, ScriptedBrowser } from 'testing-browsers/scripted-browser';
import { accountPassword } from './accounts.ts';

export interface SignInAsOptions {
  /** The account; every e-mail address has one. Default: the address that the page suggests (`login_hint`), else `someone@example.com`. */
  username?: string;
  /** Default: the right password. */
  password?: string;
  /** Refuses consent: the app gets `access_denied`. Default false. */
  deny?: boolean;
  signal?: AbortSignal;
  /** The certificate to trust, as PEM, if the authority serves https. */
  ca?: string;
  /** The browser, which may already have a session. Default: a new one. */
  browser?: ScriptedBrowser;
}

/**
 * Goes through sign-in and consent, the form_post page included, like a user whose browser runs no script. Resolves with the page
 * that the app shows at its redirect URI, or with the authority's error page. Rejects with an Error if the sign-in page refuses
 * (wrong password), with a network error, or with the signal's reason.
 */
export async function signInAs(authorizationUrl: string, options: SignInAsOptions = {}): Promise<Page> {
  return goThrough(authorizationUrl, options);
}

/** Signs in with a browser on another computer, which cannot reach the app. Resolves with that browser's final address. */
export async function signInElsewhere(authorizationUrl: string): Promise<string> {
  const browser = new ScriptedBrowser({ reaches: new URL(authorizationUrl).origin });
  return (await goThrough(authorizationUrl, { browser })).url;
}

/**
 * The user's part of the device flow: opens the verification page, types the code, signs in, and approves or denies.
 * Rejects with an Error if the page does not accept the code.
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
  // No sign-in has more pages than this.
  for (let pages = 0; pages < 12; pages += 1) {
    if (new URL(page.url).origin !== new URL(start).origin) return page;
    const [, alert] = /role="alert">([^<]*)</.exec(page.html) ?? [];
    const [form] = findForms(page.html);
    if (!form) return page;
    if (alert !== undefined) throw new Error(`the sign-in page says: ${alert.replaceAll('&#39;', "'")}`);
    const fields = fill(form, options, userCode);
    page = await browser.open(new URL(form.action, page.url).href, { fields, from: page.url });
  }
  throw new Error('the sign-in has more than 12 pages');
}

function fill(form: HtmlForm, options: SignInAsOptions, userCode: string): URLSearchParams {
  const { username, password = accountPassword } = options;
  const typed: Record<string, string> = { password, user_code: userCode };
  const fields = new URLSearchParams();
  for (const [name, value] of form.fields) fields.append(name, typed[name] ?? value);
  // Keep the address that the app's login_hint has filled in, as a user does.
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
