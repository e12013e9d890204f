import { AcceptorError, AuthorizationError, openAcceptor } from 'loopback-acceptor';
import { authorizationUrl, codeForm, createSecrets, type RequestSecrets } from './authorization-request.ts';
import { OneDriveTokenError } from './one-drive-token-error.ts';
import { toTokenError } from './provider-error.ts';
import { type SignInAttempt, timedOut } from './sign-in.ts';
import type { TokenSet } from './token-response.ts';

/** Opens a browser and waits on loopback for its answer (RFC 8252 section 7.3). */
export async function signInByBrowser(attempt: SignInAttempt): Promise<TokenSet> {
  const { settings, timeout, signal, emit } = attempt;
  const secrets = await createSecrets();
  let redemption: Promise<TokenSet> | undefined;
  try {
    await using acceptor = await openAcceptor({ state: secrets.state, timeout, signal });
    const { redirectUri } = acceptor;
    const url = await authorizationUrl(attempt, secrets, redirectUri, settings.responseMode);
    emit({ type: 'authorization-url', url });
    showUrl(url, secrets, attempt);
    return await acceptor.accept(({ code }) => {
      redemption = attempt.redeem(codeForm(code, redirectUri, attempt, secrets));
      return redemption;
    });
  } catch (error) {
    // A code that is being spent is not given up: what it brings is stored before anybody else's turn comes.
    await redemption?.catch(() => {});
    throw explain(error, secrets, attempt);
  }
}

/** Nothing waits for the browser to start: a person can open the URL by hand. */
function showUrl(url: string, { state }: RequestSecrets, { settings, provider, emit, outside }: SignInAttempt): void {
  const failed = (error: unknown): void => {
    // Those who start processes quote the command line in their errors, and hang it on them.
    const message = (error instanceof Error ? error.message : String(error))
      .replaceAll(url, '[the address]')
      .replaceAll(state, '[state]');
    emit({ type: 'browser-failed', error: new Error(message) });
  };
  const { openBrowser = (address: string) => openDefaultBrowser(address, failed) } = settings;
  const show = async (): Promise<unknown> => outside(() => openBrowser(url));
  // While the person is busy: who comes back would wait for it, and before that it would hold up the browser.
  const prepare = async (): Promise<void> => (await provider()).prepare();
  show()
    .catch(failed)
    .then(prepare)
    .catch(() => {});
}

async function openDefaultBrowser(url: string, failed: (error: Error) => void): Promise<void> {
  const { DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME } = process.env;
  if (process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY && !WSL_DISTRO_NAME) {
    // xdg-open would start a text browser in the terminal.
    throw new Error('There is no graphical display here to open a browser on.');
  }
  const { default: open } = await import('open');
  const launcher = await open(url);
  launcher.once('error', () => failed(new Error('The browser could not be started.')));
  launcher.once('exit', (status) => {
    if (status) failed(new Error(`The browser could not be started (its launcher ended with status ${status}).`));
  });
}

function explain(error: unknown, { state }: RequestSecrets, { settings }: SignInAttempt): unknown {
  if (error instanceof AuthorizationError) {
    return toTokenError({ error: error.error, description: error.errorDescription }, 'authorization', [state]);
  }
  if (!(error instanceof AcceptorError)) return error;
  if (error.code === 'ACCEPTOR_TIMEOUT') return timedOut(settings.signInTimeout);
  // No port to listen on, or a flood of requests from another program: neither is the person's or the provider's doing.
  return new OneDriveTokenError('NETWORK', `The browser's answer could not be received: ${error.message}`, {
    cause: error,
  });
}
