import { text } from 'node:stream/consumers';
import type Provider from 'oidc-provider';
import { accountById, accountOf, accountPassword } from '../accounts.ts';
import { interactionPath } from '../paths.ts';
import { apiScopes, graphResource, identityScopes } from '../scopes.ts';
import { renderPage } from './page.ts';
import { renderAccountPage, renderConsentPage, renderLoginPage } from './sign-in-pages.ts';

type Middleware = Parameters<Provider['use']>[0];
type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;
/** The result of this step of the sign-in, or the page to show. */
type Step = { result: Record<string, unknown> } | { page: string };

/** Microsoft's words if a user cancels the sign-in or refuses the app. */
const denial = {
  error: 'access_denied',
  error_description: 'The user has denied access to the scope requested by the client application.',
};

/** Serves the pages on which a user signs in, picks an account and consents. GET shows a page, POST brings the user's answer. */
export function serveSignIn(provider: Provider): Middleware {
  return async (ctx, next) => {
    if (!ctx.path.startsWith(`${interactionPath}/`)) return next();
    ctx.set('cache-control', 'no-store');
    ctx.set('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    ctx.type = 'html';
    const interaction = await provider.interactionDetails(ctx.req, ctx.res).catch(() => undefined);
    if (!interaction) {
      ctx.status = 400;
      ctx.body = renderPage('This sign-in is over', '<p>Go back to the app and start again.</p>');
      return;
    }
    const step =
      ctx.method === 'POST'
        ? await decide(provider, interaction, new URLSearchParams(await text(ctx.req)))
        : { page: await show(provider, interaction) };
    if ('page' in step) {
      ctx.body = step.page;
      return;
    }
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, step.result));
    ctx.status = 303;
  };
}

async function show(provider: Provider, interaction: Interaction): Promise<string> {
  const action = `${interactionPath}/${interaction.uid}`;
  const username = accountById(interaction.session?.accountId ?? '')?.username ?? '';
  switch (interaction.prompt.name) {
    case 'select_account':
      return renderAccountPage({ action, username });
    case 'consent': {
      const app = await provider.Client.find(String(interaction.params.client_id));
      return renderConsentPage({
        action,
        username,
        app: app?.clientName ?? app?.clientId ?? '',
        scopes: scopesOf(interaction.params),
      });
    }
    default:
      return renderLoginPage({ action, username: String(interaction.params.login_hint ?? username) });
  }
}

async function decide(provider: Provider, interaction: Interaction, form: URLSearchParams): Promise<Step> {
  if (form.get('answer') === 'cancel') return { result: denial };
  if (form.has('password')) return login(interaction, form);
  switch (interaction.prompt.name) {
    case 'select_account':
      return form.get('account') === 'current'
        ? { result: { select_account: {} } }
        : { page: renderLoginPage({ action: `${interactionPath}/${interaction.uid}`, username: '' }) };
    case 'consent':
      return consent(provider, interaction);
    default:
      return login(interaction, form);
  }
}

function login(interaction: Interaction, form: URLSearchParams): Step {
  const username = form.get('username') ?? '';
  const account = accountOf(username);
  if (account && form.get('password') === accountPassword)
    return { result: { login: { accountId: account.id }, select_account: {} } };
  const alert = account
    ? 'Your account or password is incorrect.'
    : "That account doesn't exist. Enter a different account.";
  return { page: renderLoginPage({ action: `${interactionPath}/${interaction.uid}`, username, alert }) };
}

/** Each consent makes its own grant, as at Microsoft: if token reuse revokes one grant, the others stay valid. */
async function consent(provider: Provider, { params, session }: Interaction): Promise<Step> {
  const grant = new provider.Grant({ accountId: session?.accountId ?? '', clientId: String(params.client_id) });
  const scopes = scopesOf(params);
  grant.addOIDCScope(scopes.filter((scope) => identityScopes.has(scope)));
  grant.addResourceScope(graphResource, apiScopes(scopes));
  return { result: { consent: { grantId: await grant.save() } } };
}

function scopesOf(params: Interaction['params']): string[] {
  return String(params.scope ?? '').split(' ');
}
