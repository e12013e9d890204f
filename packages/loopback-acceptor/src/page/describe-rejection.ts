import type { AuthorizationResponse } from '../answer/read-answer.ts';
import { replaceSecrets } from '../plain-text.ts';
import type { Outcome } from './make-page.ts';

/** Shorter values are not secret, and replacing them could make the message unreadable. */
const minSecretLength = 8;

/**
 * The part of a rejection that the page may show: its code or name, and its message without the code and the state of the
 * response. Never throws: a property of an error can have any type, and reading it can throw.
 */
export function describeRejection(reason: unknown, response: AuthorizationResponse | undefined): Outcome {
  const outcome = { outcome: 'failed', redeemed: false, error: 'Error' } as const;
  try {
    if (!(reason instanceof Error)) return outcome;
    const { code, name, message }: { code?: unknown; name: unknown; message: unknown } = reason;
    const secrets = [response?.code ?? '', response?.params.get('state') ?? ''];
    const isSecret = (text: string): boolean => text.length >= minSecretLength;
    const description = typeof message === 'string' && replaceSecrets(message, secrets.filter(isSecret), '…');
    const error = [code, name, 'Error'].find((text) => typeof text === 'string') as string;
    return { ...outcome, error, ...(description && { description }) };
  } catch {
    return outcome;
  }
}
