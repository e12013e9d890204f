import type { AuthorizationResponse } from '../answer/read-answer.ts';
import type { Outcome } from './format-page.ts';

/** Shorter values are no secrets, and replacing them would garble the message. */
const minSecretLength = 8;

/** The part of a rejection that a page may show: its code or name, and its message without the code and the state. */
export function describeRejection(reason: unknown, response: AuthorizationResponse | undefined): Outcome {
  const { code, name, message } = readError(reason);
  const secrets = [response?.code, response?.params.get('state')].filter(
    (secret) => typeof secret === 'string' && secret.length >= minSecretLength,
  ) as string[];
  const description = secrets
    .flatMap((secret) => [secret, encodeURIComponent(secret)])
    .reduce((text, secret) => text.replaceAll(secret, '…'), typeof message === 'string' ? message : '');
  const error = [code, name].find((property) => typeof property === 'string') as string | undefined;
  return { outcome: 'failed', redeemed: false, error: error ?? 'Error', ...(description && { description }) };
}

/** Any property may be anything, whatever its type says, and may throw. That must not cost the outcome. */
function readError(reason: unknown): { code?: unknown; name?: unknown; message?: unknown } {
  try {
    if (!(reason instanceof Error)) return {};
    const { code, name, message }: { code?: unknown; name?: unknown; message?: unknown } = reason;
    return { code, name, message };
  } catch {
    return {};
  }
}
