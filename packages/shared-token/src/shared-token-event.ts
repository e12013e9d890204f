import type { TokenRecord } from 'token-store-kit';

/** A failure as an event reports it, without any tokens of the record that the error quotes. */
export interface EventError {
  name: string;
  message: string;
  code?: string;
}

/**
 * What happened, without secrets. A token from memory causes no event. Times are epoch milliseconds. An error of `onEvent` is ignored.
 */
export type SharedTokenEvent =
  /** A valid access token was found in the store. */
  | { type: 'stored-token'; expiresAt: number }
  /** Another process, or another instance in this one, refreshes or signs in; its result will be used. */
  | { type: 'waiting'; for: 'refresh' | 'sign-in' }
  /** Ends in `refreshed`, `refresh-failed`, or, if another process was faster, in `stored-token`. */
  | { type: 'refresh-started' }
  /** `rotated`: the provider gave a new refresh token. */
  | { type: 'refreshed'; expiresAt: number; rotated: boolean }
  /** `bridged`: the old access token is still valid and was returned instead of the error. */
  | { type: 'refresh-failed'; error: EventError; bridged: boolean }
  /** `expiresAt`: when the wait for the person ends. */
  | { type: 'sign-in-started'; expiresAt: number }
  | { type: 'signed-in'; expiresAt: number }
  | { type: 'sign-in-failed'; error: EventError }
  | { type: 'signed-out' }
  /** The provider still accepts the tokens of the record that a sign-out has deleted. */
  | { type: 'revoke-failed'; error: EventError }
  /** A token was returned but could not be stored yet. The write is tried again, and no refresh is sent before it succeeds. */
  | { type: 'store-failed'; error: EventError }
  /** The pending write has succeeded. */
  | { type: 'store-recovered' }
  /** The sign-in gave no refresh token: when its access token ends, the person has to sign in again. */
  | { type: 'refresh-token-missing' };

/** Shorter values are not secrets, and replacing them would garble the message. */
const shortestSecret = 8;

/** The error for an event: its name, code and message, with every one of `secrets` replaced. */
export function describeError(error: unknown, secrets: readonly (string | undefined)[]): EventError {
  const { name = 'Error', message = String(error), code }: Record<string, unknown> = Object(error);
  const known = secrets.filter((secret = '') => secret.length >= shortestSecret) as string[];
  // Long secrets first, because a shorter one may be a part of a longer one.
  const hidden = known.flatMap(spellings).sort((one, other) => other.length - one.length);
  const strike = (text: string): string => hidden.reduce((rest, secret) => rest.replaceAll(secret, '…'), text);
  const told = { name: strike(String(name)), message: strike(String(message)) };
  return typeof code === 'string' ? { ...told, code: strike(code) } : told;
}

/** The secret as it is, and as URLs, forms and JSON encode it. encodeURIComponent throws for a lone surrogate. */
function spellings(secret: string): string[] {
  const form = new URLSearchParams({ '': secret }).toString().slice(1);
  return [secret, encodeURIComponent(secret.toWellFormed()), form, JSON.stringify(secret).slice(1, -1)];
}

/** The values that no event may quote. */
export function secretsOf(record: Partial<TokenRecord> | undefined): (string | undefined)[] {
  return [record?.refreshToken, record?.accessToken, record?.idToken, ...Object.values(record?.data ?? {})];
}

/** Calls `onEvent`. `error` is the original of the event's error. */
export type Emit = (event: SharedTokenEvent, error?: unknown) => void;
