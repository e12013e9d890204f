import type { AuthorizationResponse } from '../answer/read-answer.ts';
import { replaceSecrets } from '../plain-text.ts';
import type { Outcome } from './format-page.ts';

/** Shorter values are not secret, and replacing them could make the message unreadable. */
const minSecretLength = 8;

/**
 * The part of a rejection that the page may show: its code or name, and its message without the code and the state of the
 * response.
 */
export function describeRejection(reason: unknown, response: AuthorizationResponse | undefined): Outcome {
  const { code, name, message } = readError(reason);
  const secrets = [response?.code, response?.params.get('state')].filter(
    (secret) => typeof secret === 'string' && secret.length >= minSecretLength,
  ) as string[];
  const description = typeof message === 'string' ? replaceSecrets(message, secrets, '…') : '';
  const error = [code, name].find((property) => typeof property === 'string') as string | undefined;
  return { outcome: 'failed', redeemed: false, error: error ?? 'Error', ...(description && { description }) };
}

/** Never throws. A property of an error can have any type, and reading it can throw. */
function readError(reason: unknown): { code?: unknown; name?: unknown; message?: unknown } {
  try {
    if (!(reason instanceof Error)) return {};
    const { code, name, message }: { code?: unknown; name?: unknown; message?: unknown } = reason;
    return { code, name, message };
  } catch {
    return {};
  }
}
