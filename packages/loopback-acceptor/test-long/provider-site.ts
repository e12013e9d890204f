import { createServer } from 'node:https';
import { createPkce } from 'pkce-state';
import {
  type Authority,
  accountPassword,
  type IssuedCertificate,
  issueCertificate,
  startAuthority,
} from 'testing-authority';
import { listen, stop } from 'testing-authority/listen';
import { type BrowserWindow, textOf, waitUntil } from 'testing-browsers/browser-window';

/** A page that a provider sends instead of a redirect: a form to the redirect URI, with a button or a script that sends it. */
export interface FormPage {
  redirectUri: string;
  fields: Record<string, string>;
  by: 'script' | 'button';
}

/** An https site with the stand-in for Microsoft, and a second one that shows one form. Both have certificates of the same authority. */
export interface ProviderSite extends AsyncDisposable {
  readonly tls: IssuedCertificate;
  readonly authority: Authority;
  /** `127.0.0.1:PORT` of the first one. */
  readonly host: string;
  /** The address of a page with this form. */
  show(form: FormPage): string;
}

export async function openProviderSite(): Promise<ProviderSite> {
  const tls = issueCertificate();
  const authority = await startAuthority({ tls });
  let html = '';
  const server = createServer({ key: tls.key, cert: tls.cert }, (_, response) => {
    // As at Microsoft, so that the form is sent with `Origin: null`.
    response.writeHead(200, { 'content-type': 'text/html', 'referrer-policy': 'no-referrer' }).end(html);
  });
  const port = await listen(server);
  return {
    tls,
    authority,
    host: new URL(authority.origin).host,
    show({ redirectUri, fields, by }) {
      const inputs = Object.entries(fields).map(
        ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
      );
      const sender = by === 'script' ? '<script>document.forms[0].submit()</script>' : '';
      html = `<!doctype html><title>Working</title><form method="post" action="${redirectUri}">${inputs.join('')}<button>Continue</button></form>${sender}`;
      return `https://127.0.0.1:${port}/`;
    },
    async [Symbol.asyncDispose]() {
      await stop(server);
      await authority.close();
    },
  };
}

/** What the program of a user does before it opens the browser. */
export async function authorizationUrl(
  { authority }: ProviderSite,
  { redirectUri, state, mode }: { redirectUri: string; state: string; mode: 'form_post' | 'query' },
): Promise<string> {
  const { challenge } = await createPkce();
  const request = new URLSearchParams({
    client_id: authority.clientId,
    response_type: 'code',
    response_mode: mode,
    redirect_uri: redirectUri,
    scope: 'Files.Read offline_access',
    state,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    login_hint: 'ada@example.com',
    prompt: 'login',
  });
  return `${authority.url}/oauth2/v2.0/authorize?${request}`;
}

/** Signs in on the provider's pages, as a user does, or presses Cancel. */
export async function signIn(
  window: BrowserWindow,
  url: string,
  decision: 'accept' | 'cancel' = 'accept',
): Promise<void> {
  await window.open(url);
  if (decision === 'cancel') return window.click('button[value=cancel]');
  await window.type('#password', accountPassword);
  await window.click('button[value=accept]');
  await waitUntil('the page that asks for consent', async () => /needs your permission/.test(await textOf(window)));
  await window.click('button[value=accept]');
}
