import type { AccessToken, SignInStatus } from 'onedrive-token-handler';
import { openSession, type Session } from '../../session/session.ts';
import type { Command } from '../../settings/command.ts';
import { describeError } from '../../settings/describe-error.ts';
import { exitStatus } from '../../terminal/failure.ts';

/** How often the database is opened anew while no sign-in is found: the next one may be of another client id. */
const reopenIntervalMs = 2000;

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
  /** None while there is no database, because no user has signed in yet. */
  #session: Session | undefined;
  /** Why there is no session. */
  #missing: unknown;
  #openedAt = 0;
  #newest: Promise<AccessToken> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(command: Command) {
    this.#command = command;
  }

  /** Opens the database, so that a wrong key shows at once; a person may be asked for it, this once. */
  static async open(command: Command): Promise<TokenDesk> {
    const desk = new TokenDesk(command);
    try {
      await desk.#open(command);
    } catch (error) {
      if (describeError(error).status !== exitStatus.signInNeeded) throw error;
      desk.#missing = error;
    }
    return desk;
  }

  /** Throws OneDriveTokenError. */
  async status(): Promise<SignInStatus> {
    const status = await this.#statusOfSession();
    return status.signedIn || !(await this.#reopen()) ? status : this.#statusOfSession();
  }

  /** Throws OneDriveTokenError: SIGN_IN_REQUIRED if a person is needed. */
  async getToken({ minValid, refresh }: TokenRequest): Promise<AccessToken> {
    if (refresh) {
      await this.status();
      return this.#handler.getTokenDetails({ interactive: false, forceRefresh: true });
    }
    // Requests that come while it is read share the result.
    this.#newest ??= this.#readNewest().finally(() => {
      this.#newest = undefined;
    });
    const token = await this.#newest;
    if (token.expiresAt - Date.now() >= minValid) return token;
    return this.#handler.getTokenDetails({ interactive: false, minValid });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= Promise.resolve(this.#session?.[Symbol.asyncDispose]());
    return this.#closed;
  }

  /** The token of the database, refreshed if it has expired. */
  async #readNewest(): Promise<AccessToken> {
    const { signedIn, refreshedAt = 0, accessTokenExpiresAt } = await this.status();
    const handler = this.#handler;
    if (signedIn) {
      const token = await handler.getTokenDetails({ interactive: false });
      if (refreshedAt < token.obtainedAt || accessTokenExpiresAt === token.expiresAt) return token;
    }
    // That was from the handler's memory. A forced refresh reads the database first: it fails if there is no sign-in any more,
    // and takes the other token if there is one.
    return handler.getTokenDetails({ interactive: false, forceRefresh: true });
  }

  async #open(command: Command): Promise<void> {
    this.#openedAt = performance.now();
    const session = await openSession(command, { interactive: false });
    const before = this.#session;
    this.#session = session;
    await (this.#closed ? session : before)?.[Symbol.asyncDispose]();
  }

  /** Opens a new session instead of one that finds no sign-in. Returns false if that was tried a moment ago, or fails. */
  async #reopen(): Promise<boolean> {
    if (this.#closed || performance.now() - this.#openedAt < reopenIntervalMs) return false;
    const { settings } = this.#command;
    try {
      await this.#open({ ...this.#command, settings: { ...settings, interactive: false } });
      return true;
    } catch {
      // The old session goes on, and says what is wrong if its database is.
      return false;
    }
  }

  async #statusOfSession(): Promise<SignInStatus> {
    return this.#session?.handler.status() ?? { signedIn: false, appName: this.#command.settings.app, scopes: [] };
  }

  get #handler(): Session['handler'] {
    if (this.#session) return this.#session.handler;
    throw this.#missing;
  }
}
