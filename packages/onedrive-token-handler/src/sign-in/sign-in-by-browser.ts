import { AcceptorError, openAcceptor } from 'loopback-acceptor';
import { replaceSecrets } from 'loopback-acceptor/plain-text';
import { createState } from 'pkce-state';
import type { TokenResponse } from 'shared-token';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import type { Settings } from '../options.ts';
import {
  authorizationUrl,
  codeForm,
  createSecrets,
  type RequestSecrets,
  toSignInError,
} from './authorization-request.ts';
import { type SignInAttempt, timedOut } from './sign-in-attempt.ts';

/** No limit: a script in a page that finds the port reaches any other, and would end the sign-in. No number of guesses finds the state. */
const maxStrayRequests = Number.POSITIVE_INFINITY;

/** Opens a browser and waits on loopback for its answer (RFC 8252 section 7.3). */
export async function signInByBrowser(attempt: SignInAttempt): Promise<TokenResponse> {
  const { settings, timeout, emit, onClosing } = attempt;
  const { redirectHost: host, redirectPort: port } = settings;
  const state = createState();
  const unseen = new AbortController();
  const signal = AbortSignal.any([attempt.signal, unseen.signal]);
  try {
    // The challenge is computed while the sockets open.
    const [secrets, acceptor] = await Promise.all([
      createSecrets(state),
      openAcceptor({ state, host, port, timeout, signal, maxStrayRequests }),
    ]);
    try {
      const { redirectUri } = acceptor;
      const url = authorizationUrl(attempt, secrets, redirectUri, settings.responseMode);
      emit({ type: 'authorization-url', url, deliver: (address) => acceptor.deliver(address) });
      showUrl(url, secrets, attempt, (message) => {
        // Nothing shows the address to the person, so that the wait would be in vain.
        if (!settings.onEvent) unseen.abort(noBrowser(message));
      });
      return await acceptor.accept(({ code }) => attempt.redeem(codeForm(code, redirectUri, attempt, secrets)));
    } finally {
      // The page is sent by now. A browser may keep its sockets open for a while.
      onClosing(acceptor.close());
    }
  } catch (error) {
    throw explain(error, state, attempt);
  }
}

/** Does not wait until the browser has started: the person can open the URL by hand. */
function showUrl(
  url: string,
  { state }: RequestSecrets,
  { settings, provider, emit }: SignInAttempt,
  onFailure: (message: string) => void,
): void {
  const failed = (error: unknown): void => {
    // Errors of started processes quote the command line, in the message and in properties.
    const said = error instanceof Error ? error.message : String(error);
    const message = replaceSecrets(replaceSecrets(said, [url], '[the address]'), [state], '[state]');
    emit({ type: 'browser-failed', error: new Error(message) });
    onFailure(message);
  };
  const { openBrowser = (address: string) => openDefaultBrowser(address, failed) } = settings;
  const show = async (): Promise<unknown> => openBrowser(url);
  // Load the HTTP client while the user is in the browser: earlier delays the launch, later the redemption.
  const prepare = async (): Promise<void> => (await provider()).prepare();
  show()
    .catch(failed)
    .then(prepare)
    .catch(() => {});
}

function noBrowser(message: string): OneDriveTokenError {
  const advice =
    "Call signIn({ method: 'paste', readRedirectUrl }) or signIn({ method: 'device', onDeviceCode }), or give the handler onEvent, whose event 'authorization-url' has the address, or openBrowser.";
  return new OneDriveTokenError(
    'CONFIGURATION',
    `No browser could be opened (${message}), and this program shows no address. ${advice}`,
  );
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

/** Another port would not do: the caller has chosen this one because it is forwarded or registered. */
function portNotUsable({ redirectPort, redirectHost }: Settings, cause: AcceptorError): OneDriveTokenError {
  const { code = '' } = Object(cause.cause) as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    EADDRINUSE: 'another program uses it',
    EACCES: 'only an administrator may use it',
  };
  return new OneDriveTokenError(
    'CONFIGURATION',
    `Port ${redirectPort} of ${redirectHost} cannot receive the browser's answer: ${reasons[code] ?? cause.message} (${code}). Choose another port, or none to get a free one.`,
    { cause },
  );
}

function explain(error: unknown, state: string, { settings }: SignInAttempt): unknown {
  if (!(error instanceof AcceptorError)) return toSignInError(error, { state });
  if (error.code === 'ACCEPTOR_TIMEOUT') return timedOut('browser', settings.signInTimeout);
  if (error.code === 'ACCEPTOR_LISTEN' && settings.redirectPort !== 0) return portNotUsable(settings, error);
  // No free port: neither the person nor the provider caused it.
  return new OneDriveTokenError('NETWORK', `The browser's answer could not be received: ${error.message}`, {
    cause: error,
  });
}
