import type { OneDriveTokenHandler } from 'onedrive-token-handler';
import type { Command } from '../settings/command.ts';
import { type Settings, suggestCommand } from '../settings/settings.ts';
import { Failure, UsageError } from '../terminal/failure.ts';

export const defaultAuthority = 'https://login.microsoftonline.com/consumers';

/** What a sign-in takes from the registration of an app. */
export interface Registration {
  readonly authority: string;
  readonly clientId: string;
  /** Default: localhost. */
  readonly redirectHost?: string | undefined;
}

function isMicrosoft(authority: string): boolean {
  return URL.parse(authority)?.host === new URL(defaultAuthority).host;
}

/** The problem of `/common`, whose sign-ins work at first and cannot be refreshed (docs/microsoft.md). Else undefined. */
export function commonFailure(authority: string, settings: Settings): Failure | undefined {
  if (!/\/common\/*$/.test(authority)) return undefined;
  const flags = { ...settings.flags, authority: defaultAuthority };
  const remedy = `Run: ${suggestCommand('login', { ...settings, flags })}`;
  return new Failure(`Microsoft refuses to refresh a sign-in of a personal account at ${authority}`, { remedy });
}

/** Sends a GET request, and follows no redirect. */
type Ask = (url: URL) => Promise<{ readonly location: string | null; readonly body: string }>;

const askTimeoutMs = 3000;
/** Microsoft sends a browser on to its page for personal accounts, and from there to one for errors. */
const maxRedirects = 3;

/**
 * Sends an authorization request that shows no page (`prompt=none`). The provider refuses it, because no user is signed in there, or
 * because the registration is wrong. It issues no code. Resolves with false if this provider would tell only a browser.
 *
 * Throws a Failure if a browser would show an error page, which this process cannot see, or what `ask` throws.
 */
export async function checkRegistration(
  { authority, clientId, redirectHost = 'localhost' }: Registration,
  ask: Ask,
): Promise<boolean> {
  assertClientId(clientId, authority);
  const redirectUri = `http://${redirectHost}`;
  const request = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: 'openid',
    prompt: 'none',
    // No verifier has this hash.
    code_challenge: 'A'.repeat(43),
    code_challenge_method: 'S256',
  });
  let url = new URL(`${authority.replace(/\/+$/, '')}/oauth2/v2.0/authorize?${request}`);
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const { location, body } = await ask(url);
    const said = `${location} ${/AADSTS\d+/.exec(body)?.[0]}`;
    if (/AADSTS700016|[?&#]error=unauthorized_client/.test(said)) {
      const remedy = 'Copy the "Application (client) ID" from its overview, and allow "Personal Microsoft accounts"';
      throw new Failure(`the provider knows no app for personal accounts with the client id ${clientId}`, { remedy });
    }
    if (/AADSTS50011|[?&#]error=invalid_request.*redirect_uri/.test(said)) {
      const remedy = `Add ${redirectUri} under Authentication, platform "Mobile and desktop applications"`;
      throw new Failure(`the app ${clientId} is not registered with the redirect URI ${redirectUri}`, { remedy });
    }
    // RFC 6749 section 4.1.2.1: errors go there only if the provider knows the app.
    if (location?.startsWith(redirectUri)) return true;
    if (location === null) return false;
    url = new URL(location, url);
  }
  return false;
}

/**
 * Warns of an authority whose sign-ins cannot be refreshed, and throws a Failure if Microsoft says that the registration is wrong.
 * Ignores it if Microsoft does not answer in time. Does not ask another provider, which may count such a request as a sign-in.
 */
export async function askProvider(
  { interrupt, screen, settings }: Pick<Command, 'interrupt' | 'screen' | 'settings'>,
  registration: Registration,
  handler: Pick<OneDriveTokenHandler, 'fetch'>,
): Promise<void> {
  const later = commonFailure(registration.authority, settings);
  if (later) screen.say(`${later.message}.`);
  if (!isMicrosoft(registration.authority)) return;
  const signal = AbortSignal.any([interrupt.signal, AbortSignal.timeout(askTimeoutMs)]);
  try {
    await checkRegistration(registration, async (url) => {
      const response = await handler.fetch(url, { signal, redirect: 'manual' });
      return { location: response.headers.get('location'), body: await response.text() };
    });
  } catch (error) {
    interrupt.signal.throwIfAborted();
    if (error instanceof Failure) throw error;
  }
}

/** Each person registers an app of their own, because none is built in. */
const registrationSteps = `Register an app of your own:

  https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/CreateApplicationBlade

  Supported account types   Personal Microsoft accounts
  Redirect URI              Public client/native (mobile & desktop): http://localhost
  Authentication            Allow public client flows: Yes (only --device needs it)

No directory yet? That page links to Azure (free, but asks for a payment card).
Used the Python class until now? Its database works here, without a sign-in:
  onedrive-token --db ./tokens.db --app APP-NAME --client-id ID`;

export function missingClientId(settings: Settings): UsageError {
  return new UsageError(`no client id yet. ${registrationSteps}

Then sign in with its "Application (client) ID". It is remembered:

  ${suggestCommand('login', settings)} --client-id <ID>`);
}

/** Throws UsageError for what cannot be a client id of Microsoft. Another provider may have other ids. */
export function assertClientId(id: string, authority = defaultAuthority): void {
  if (!isMicrosoft(authority) || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return;
  throw new UsageError(
    `${JSON.stringify(id)} is no client id: a client id looks like 12345678-90ab-cdef-1234-567890abcdef`,
    {
      remedy: 'The overview page of the registration shows it. Then run login again',
    },
  );
}

/** For the first sign-in on a terminal: explains how to register an app, and asks for its client id. Throws UsageError. */
export async function askClientId({ screen, interrupt }: Command): Promise<string> {
  screen.say(`Welcome. One thing is needed first, once: a client id of your own.\n\n${registrationSteps}\n`);
  const typed = (await screen.ask('Its "Application (client) ID": ', interrupt)).trim();
  assertClientId(typed);
  return typed;
}
