import type { AccessToken, GetTokenOptions, SignInStatus } from 'onedrive-token-handler';
import { openSession, type Session } from '../../session/session.ts';
import type { Command } from '../../settings/command.ts';
import { describeError, isKeyError } from '../../settings/describe-error.ts';
import { exitStatus, Failure } from '../../terminal/failure.ts';

/** Clients that ask for a refresh within this time share one refresh, with its token or error. */
const sharedRefreshMs = 10_000;

/** The session's handler, and the status that was just read from the database. */
interface Found {
  readonly handler: Session['handler'];
  readonly status: SignInStatus;
}

/**
 * Gives out the tokens of one app name. Every call sees at once what other processes did: a sign-out, a sign-in of another account, a
 * refresh.
 */
export class TokenDesk implements AsyncDisposable {
  #command: Command;
  #session: Session | undefined;
  #finding: Promise<Found> | undefined;
  /** The last refresh that a client asked for, and when, by `performance.now()`. */
  #refresh: { readonly of: Found; readonly at: number; readonly token: Promise<AccessToken> } | undefined;

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

  /** Throws SIGN_IN_REQUIRED, or a Failure of the same status, if a person has to sign in. */
  async getToken({ forceRefresh = false, ...needed }: GetTokenOptions): Promise<AccessToken> {
    const found = await this.#find();
    if (forceRefresh) await this.#refreshOnce(found);
    return found.handler.getTokenDetails(needed);
  }

  /** A newer token than the one that was answered with last. */
  async replaceToken(minValid: number): Promise<AccessToken> {
    const { handler } = await this.#find();
    return handler.getTokenDetails({ minValid, forceRefresh: true });
  }

  get bridged(): Error | undefined {
    return this.#session?.bridged;
  }

  /** Call this only after the command was interrupted: from then on, no session is opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#finding?.catch(() => {});
    await this.#session?.[Symbol.asyncDispose]();
  }

  async #refreshOnce(found: Found): Promise<void> {
    let last = this.#refresh;
    if (last?.of.handler !== found.handler || performance.now() - last.at >= sharedRefreshMs) {
      last = { of: found, at: performance.now(), token: found.handler.getTokenDetails({ forceRefresh: true }) };
      this.#refresh = last;
    }
    try {
      await last.token;
    } catch (error) {
      // Otherwise, another process has stored a new token since.
      if (last.of.status.refreshedAt === found.status.refreshedAt) throw error;
    }
  }

  /** Requests that come while the database is read share the result. */
  #find(): Promise<Found> {
    this.#finding ??= this.#findAnew().finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  async #findAnew(): Promise<Found> {
    const { interrupt, settings } = this.#command;
    const status = await this.#session?.handler.status().catch((error) => {
      if (!isKeyError(error)) throw error;
      // After a rekey, the next session may find the new key.
      return undefined;
    });
    if (this.#session && status?.signedIn) return { handler: this.#session.handler, status };
    // The next sign-in may have another client id.
    await this.#session?.[Symbol.asyncDispose]();
    this.#session = undefined;
    if (interrupt.signal.aborted) throw new Failure('the server is ending');
    try {
      this.#session = await openSession(this.#command, { interactive: false });
    } finally {
      // After the first call, no person waits for a question. A passphrase that was typed is in `command.passphrase`.
      this.#command = { ...this.#command, settings: { ...settings, interactive: false } };
    }
    const { handler } = this.#session;
    return { handler, status: await handler.status() };
  }
}
