import { type AccessToken, OneDriveTokenError, type SignInStatus } from 'onedrive-token-handler';
import { openSession, type Session } from '../../session/session.ts';
import type { Command } from '../../settings/command.ts';
import { exitStatusOf } from '../../settings/report-error.ts';
import { exitStatus } from '../../terminal/failure.ts';

/** How often the database is opened anew while no sign-in is found: the next one may be of another client id. */
const reopenIntervalMs = 2000;
/** A client may ask for more than a new token is good for. Then a token that is hardly used will do. */
const hardlyUsedMs = 60_000;
const hardlyUsedPart = 0.1;

/** What one request asks for. */
export interface TokenRequest {
  /** How many milliseconds the token has to be good for. */
  minValid: number;
  /** An API has rejected the token that the client had. */
  refresh: boolean;
}

/**
 * Gives out the tokens of one app name. What other processes do in the meantime counts at once: a sign-out, a sign-in of another
 * account, a refresh.
 */
export class TokenDesk implements AsyncDisposable {
  readonly #command: Command;
  /** Or why there is none yet: there is no database, because no user has signed in yet. */
  #session: Session | { readonly missing: unknown };
  #openedAt = performance.now();
  #newest: Promise<AccessToken> | undefined;
  #renewal: Promise<AccessToken> | undefined;
  /** The most that a client can get, in milliseconds. Known after the first token that was refreshed for a client. */
  #longestValid = Number.POSITIVE_INFINITY;
  #closed: Promise<void> | undefined;

  private constructor(command: Command, session: Session | { missing: unknown }) {
    this.#command = command;
    this.#session = session;
  }

  /** Opens the database, so that a wrong key shows at once; a person may be asked for it, this once. */
  static async open(command: Command): Promise<TokenDesk> {
    try {
      return new TokenDesk(command, await openSession(command, { interactive: false }));
    } catch (error) {
      if (exitStatusOf(error) !== exitStatus.signInNeeded) throw error;
      return new TokenDesk(command, { missing: error });
    }
  }

  /** Throws OneDriveTokenError. */
  async status(): Promise<SignInStatus> {
    const status = await this.#statusOfSession();
    return status.signedIn || !(await this.#reopen()) ? status : this.#statusOfSession();
  }

  /** Throws OneDriveTokenError: SIGN_IN_REQUIRED if a person is needed. */
  async getToken({ minValid, refresh }: TokenRequest): Promise<AccessToken> {
    if (refresh) return this.#renew();
    const token = await this.#current();
    const needed = Math.min(minValid, this.#longestValid);
    const isValid = (milliseconds: number): boolean => token.expiresAt - Date.now() >= milliseconds;
    if (isValid(needed)) return token;
    try {
      return await this.#renew();
    } catch (error) {
      // As the handler does: while the provider fails, a token that is valid for less than was asked is better than none.
      if (error instanceof OneDriveTokenError && error.retryable && isValid(0)) return token;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= close(this.#session);
    return this.#closed;
  }

  /** The token of the database. Requests that come while it is read share the result. */
  #current(): Promise<AccessToken> {
    this.#newest ??= this.#read().finally(() => {
      this.#newest = undefined;
    });
    return this.#newest;
  }

  async #read(): Promise<AccessToken> {
    const { signedIn, refreshedAt = 0, accessTokenExpiresAt } = await this.status();
    const handler = this.#handler;
    // The handler answers from its memory. A forced refresh reads the database first: it fails if there is no sign-in any more,
    // and takes the other token if there is one.
    const lookAgain = (): Promise<AccessToken> => handler.getTokenDetails({ interactive: false, forceRefresh: true });
    if (!signedIn) return lookAgain();
    const token = await handler.getTokenDetails({ interactive: false });
    const isSame = refreshedAt < token.obtainedAt || accessTokenExpiresAt === token.expiresAt;
    return isSame ? token : lookAgain();
  }

  /** A refreshed token. Requests that come during the refresh share it. */
  #renew(): Promise<AccessToken> {
    this.#renewal ??= this.#refresh().finally(() => {
      this.#renewal = undefined;
    });
    return this.#renewal;
  }

  async #refresh(): Promise<AccessToken> {
    await this.status();
    const token = await this.#handler.getTokenDetails({ interactive: false, forceRefresh: true });
    const life = token.expiresAt - token.obtainedAt;
    this.#longestValid = life - Math.min(hardlyUsedMs, life * hardlyUsedPart);
    return token;
  }

  /** Opens a new session instead of one that finds no sign-in. Returns false if that was tried a moment ago, or fails. */
  async #reopen(): Promise<boolean> {
    if (this.#closed || performance.now() - this.#openedAt < reopenIntervalMs) return false;
    this.#openedAt = performance.now();
    const { settings } = this.#command;
    const quiet = { ...this.#command, settings: { ...settings, interactive: false } };
    const before = this.#session;
    try {
      this.#session = await openSession(quiet, { interactive: false });
    } catch {
      // The old session goes on, and says what is wrong if its database is.
      return false;
    }
    if (this.#closed) await close(this.#session);
    await close(before);
    return true;
  }

  async #statusOfSession(): Promise<SignInStatus> {
    if ('handler' in this.#session) return this.#session.handler.status();
    return { signedIn: false, appName: this.#command.settings.app, scopes: [] };
  }

  get #handler(): Session['handler'] {
    if ('handler' in this.#session) return this.#session.handler;
    throw this.#session.missing;
  }
}

async function close(session: Session | object): Promise<void> {
  if ('handler' in session) await session[Symbol.asyncDispose]();
}
