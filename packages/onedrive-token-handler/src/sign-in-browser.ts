import { AcceptorError, AuthorizationError, openAcceptor } from 'loopback-acceptor';
import { authorizationUrl, codeForm, createSecrets } from './authorization-request.ts';
import { OneDriveTokenError } from './one-drive-token-error.ts';
import { toTokenError } from './provider-error.ts';
import { type SignInAttempt, timedOut } from './sign-in.ts';
import type { TokenSet } from './token-response.ts';

/** Opens a browser and waits on loopback for its answer (RFC 8252 section 7.3). */
export async function signInByBrowser(attempt: SignInAttempt): Promise<TokenSet> {
  const { settings, timeout, signal, emit } = attempt;
  const secrets = await createSecrets();
  try {
    await using acceptor = await openAcceptor({ state: secrets.state, timeout, signal });
    const { redirectUri } = acceptor;
    const url = await authorizationUrl(attempt, secrets, redirectUri, settings.responseMode);
    emit({ type: 'authorization-url', url });
    showUrl(url, attempt);
    return await acceptor.accept(({ code }) => attempt.redeem(codeForm(code, redirectUri, attempt, secrets)));
  } catch (error) {
    throw explain(error, attempt);
  }
}

/** Nothing waits for the browser to start: a person can open the URL by hand. */
function showUrl(url: string, { settings, emit }: SignInAttempt): void {
  const failed = (error: unknown): void => {
    emit({ type: 'browser-failed', error: error instanceof Error ? error : new Error(String(error)) });
  };
  const show = async (): Promise<unknown> =>
    settings.openBrowser ? settings.openBrowser(url) : openDefaultBrowser(url, failed);
  show().catch(failed);
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

function explain(error: unknown, { settings }: SignInAttempt): unknown {
  if (error instanceof AuthorizationError) {
    return toTokenError({ error: error.error, description: error.errorDescription }, 'authorization');
  }
  if (!(error instanceof AcceptorError)) return error;
  if (error.code === 'ACCEPTOR_TIMEOUT') return timedOut(settings.signInTimeout);
  // No port to listen on, or a flood of requests from another program: neither is the person's or the provider's doing.
  return new OneDriveTokenError('NETWORK', `The browser's answer could not be received: ${error.message}`, {
    cause: error,
  });
}
