import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { AcceptorError, openAcceptor } from 'loopback-acceptor';
import { replaceSecrets } from 'loopback-acceptor/plain-text';
import type { TokenResponse } from 'shared-token';
import { OneDriveTokenError } from '../one-drive-token-error.ts';
import type { Settings } from '../options.ts';
import { AuthorizationRequest } from './authorization-request.ts';
import type { SignInAttempt } from './sign-in-options.ts';

/** No limit: a script in a page that finds the port could reach any limit and end the sign-in. No number of guesses finds the state. */
const maxStrayRequests = Number.POSITIVE_INFINITY;
/** The longest that the acceptor allows: SharedToken ends the wait. */
const timeout = 2 ** 31 - 1;

/** Opens a browser and waits on loopback for its answer (RFC 8252 section 7.3). */
export async function signInByBrowser(attempt: SignInAttempt): Promise<TokenResponse> {
  const { settings, context, emit } = attempt;
  const { redirectHost: host, redirectPort: port, openBrowser = openDefaultBrowser } = settings;
  const request = new AuthorizationRequest(attempt);
  const { state } = request;
  const wait = new AbortController();
  try {
    await using acceptor = await openAcceptor({ state, host, port, timeout, signal: wait.signal, maxStrayRequests });
    // After the answer, an abort does not end the wait: the code is still exchanged and stored, and the page shows the result.
    const endWait = (why: unknown): unknown => acceptor.isWaiting && wait.abort(why);
    context.signal.throwIfAborted();
    context.signal.addEventListener('abort', () => endWait(context.signal.reason));
    const { redirectUri } = acceptor;
    const url = await request.url(redirectUri, settings.responseMode);
    emit({ type: 'authorization-url', url, deliver: (address) => acceptor.deliver(address) });
    const onFailure = (error: unknown): void => {
      // A launcher may end with the browser, long after the sign-in.
      if (!acceptor.isWaiting) return;
      // Anything may be thrown: an exception here would end the process.
      const said = [(Object(error) as Error).message, error].find((text) => typeof text === 'string');
      // Errors of started processes quote the command line, in the message and in properties.
      const message = replaceSecrets(said ?? 'no reason was given', [url, state], '[the address]');
      emit({ type: 'browser-failed', error: new Error(message) });
      // Without `onEvent`, nothing shows the address to the person, so no answer can come.
      if (!settings.onEvent) endWait(noBrowser(message));
    };
    // A listener may have aborted the sign-in. Does not await the start of the browser: the person can open the URL by hand.
    void (async () => openBrowser(await setImmediate(url, { signal: context.signal })))().catch(onFailure);
    return await acceptor.accept(({ code }) => request.redeem(code, redirectUri));
  } catch (error) {
    throw error instanceof AcceptorError ? explain(error, settings) : request.explain(error);
  }
}

function noBrowser(message: string): OneDriveTokenError {
  const problem = `No browser could be opened (${message}), and this program shows no address`;
  const remedy =
    "Call signIn({ method: 'paste', readRedirectUrl }) or signIn({ method: 'device', onDeviceCode }), or give the handler onEvent, whose event 'authorization-url' has the address, or openBrowser";
  return new OneDriveTokenError('CONFIGURATION', problem, { remedy });
}

async function openDefaultBrowser(url: string): Promise<void> {
  const { DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME } = process.env;
  if (process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY && !WSL_DISTRO_NAME) {
    // xdg-open would start a text browser in the terminal.
    throw new Error('There is no graphical display here to open a browser on');
  }
  const { default: open } = await import('open');
  const launcher = await open(url);
  // On Windows and in WSL the launcher has ended by now.
  const [status] = launcher.exitCode === null ? await once(launcher, 'exit') : [launcher.exitCode];
  if (status) throw new Error(`The browser could not be started (its launcher ended with status ${status})`);
}

function explain(cause: AcceptorError, { redirectPort, redirectHost }: Settings): OneDriveTokenError {
  const where = redirectPort === 0 ? '' : ` on port ${redirectPort} of ${redirectHost}`;
  const problem = `The browser's answer could not be received${where}: ${cause.problem}`;
  // No free port: neither the person nor the provider caused it.
  if (redirectPort === 0) return new OneDriveTokenError('NETWORK', problem, { remedy: 'Try again', cause });
  // Does not try another port: the caller has chosen this one because it is forwarded or registered.
  const remedy = 'Choose another port, or none to get a free one';
  return new OneDriveTokenError('CONFIGURATION', problem, { remedy, cause });
}
