import type { AccessToken, SignInStatus } from 'onedrive-token-handler';
import { openSession, type Session } from '../../session/session.ts';
import type { Command } from '../../settings/command.ts';
import { describeError } from '../../settings/describe-error.ts';
import { exitStatus, Failure } from '../../terminal/failure.ts';

/** What one request asks for. */
export interface TokenRequest {
  /** How many milliseconds the token has to be good for. */
  minValid: number;
  /** An API has rejected the token that the client had. */
  refresh: boolean;
}

/** The session, and what its database says. */
interface Found {
  readonly handler: Session['handler'];
  readonly status: SignInStatus;
}

/**
 * Gives out the tokens of one app name. What other processes do in the meantime counts at once: a sign-out, a sign-in of another
 * account, a refresh.
 */
export class TokenDesk implements AsyncDisposable {
  readonly #command: Command;
  #isFirst = true;
  /** None if no sign-in was found the last time. */
  #session: Session | undefined;
  #finding: Promise<Found> | undefined;
  #newest: Promise<AccessToken> | undefined;
  #closed: Promise<void> | undefined;

  constructor(command: Command) {
    this.#command = command;
  }

  /** The first call may ask a person for the key of the database. Throws if the database cannot be used. */
  async status(): Promise<SignInStatus> {
    try {
      return (await this.#find()).status;
    } catch (error) {
      if (describeError(error).status !== exitStatus.signInNeeded) throw error;
      return { signedIn: false, appName: this.#command.settings.app, scopes: [] };
    }
  }

  /** Throws SIGN_IN_REQUIRED, or a Failure of the same status, if a person is needed. */
  async getToken({ minValid, refresh }: TokenRequest): Promise<AccessToken> {
    if (refresh) return (await this.#find()).handler.getTokenDetails({ forceRefresh: true });
    // Requests that come while it is read share the result.
    this.#newest ??= this.#readNewest().finally(() => {
      this.#newest = undefined;
    });
    const token = await this.#newest;
    if (token.expiresAt - Date.now() >= minValid) return token;
    return (await this.#find()).handler.getTokenDetails({ minValid });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= Promise.resolve(this.#session?.[Symbol.asyncDispose]());
    return this.#closed;
  }

  /** The token of the database, refreshed if it has expired. */
  async #readNewest(): Promise<AccessToken> {
    const { handler, status } = await this.#find();
    const token = await handler.getTokenDetails();
    const { refreshedAt = 0, accessTokenExpiresAt } = status;
    if (refreshedAt < token.obtainedAt || accessTokenExpiresAt === token.expiresAt) return token;
    // That was from the handler's memory. A forced refresh reads the database first, and takes the other token that is there.
    return handler.getTokenDetails({ forceRefresh: true });
  }

  #find(): Promise<Found> {
    this.#finding ??= this.#findAnew().finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  async #findAnew(): Promise<Found> {
    const found = await this.#session?.handler.status();
    if (this.#session && found?.signedIn) return { handler: this.#session.handler, status: found };
    if (this.#closed) throw new Failure('the server is ending', { status: exitStatus.unavailable });
    // The next sign-in may be of another client id.
    await this.#session?.[Symbol.asyncDispose]();
    this.#session = undefined;
    const { settings } = this.#command;
    // After the first time, no person waits for a question. What was typed then is in `passphrase`.
    const quiet = { ...this.#command, settings: { ...settings, interactive: false } };
    const command = this.#isFirst ? this.#command : quiet;
    this.#isFirst = false;
    this.#session = await openSession(command, { interactive: false });
    if (this.#closed) await this.#session[Symbol.asyncDispose]();
    const { handler } = this.#session;
    return { handler, status: await handler.status() };
  }
}
