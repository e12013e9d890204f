import type { Outcome } from './format-page.ts';
import type { AuthorizationResponse } from './read-answer.ts';

/** Shorter values are no secrets, and replacing them would garble the message. */
const minSecretLength = 8;

/** The part of a rejection that a page may show: its code or name, and its message without the code and the state. */
export function describeRejection(reason: unknown, response: AuthorizationResponse | undefined): Outcome {
  // Any property may be anything, whatever its type says.
  const { code, name, message }: { [property in 'code' | 'name' | 'message']?: unknown } =
    reason instanceof Error ? reason : new Error();
  const secrets = [response?.code, response?.params.get('state')].filter(
    (secret) => typeof secret === 'string' && secret.length >= minSecretLength,
  ) as string[];
  const description = secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .reduce((text, secret) => text.replaceAll(secret, '…'), typeof message === 'string' ? message : '');
  const error = [code, name].find((property) => typeof property === 'string') as string | undefined;
  return { outcome: 'failed', redeemed: false, error: error ?? 'Error', ...(description && { description }) };
}
