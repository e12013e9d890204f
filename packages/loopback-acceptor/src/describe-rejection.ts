import type { Outcome } from './format-page.ts';
import type { AuthorizationResponse } from './read-answer.ts';

/** Shorter values are no secrets, and replacing them would garble the message. */
const minSecretLength = 8;

/** The part of a rejection that a page may show: its code or name, and its message without the code and the state. */
export function describeRejection(reason: unknown, response: AuthorizationResponse | undefined): Outcome {
  const { code, name, message }: NodeJS.ErrnoException = reason instanceof Error ? reason : new Error();
  const secrets = [response?.code, response?.params.get('state')].filter(
    (secret) => typeof secret === 'string' && secret.length >= minSecretLength,
  ) as string[];
  const description = secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .reduce((text, secret) => text.replaceAll(secret, '…'), message);
  return {
    outcome: 'failed',
    redeemed: false,
    error: typeof code === 'string' ? code : name,
    ...(description && { description }),
  };
}
