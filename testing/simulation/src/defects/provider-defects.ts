import { type Defect, patch } from './defect.ts';

/** Mistakes in what is made of providers that differ: lives, refresh ahead, no refresh token, no expiry, scopes, data. */
export const providerDefects: readonly Defect[] = [
  {
    name: 'refreshes tokens of a short life all the time',
    patches: [patch('usable-token.ts', 'Math.min(skew, lifetime * longestSkewShare)', 'skew')],
    within: 1000,
  },
  {
    name: 'refreshes ahead before it is time',
    patches: [
      patch('refresh-ahead.ts', 'isStale(record, now, { skew, ahead }) && ', ''),
      patch(
        'refresh-ahead.ts',
        'const outcome = await obtainSilently(this.#keeper, { held, forced: false, ahead, signal });',
        'const outcome = await obtainSilently(this.#keeper, { held, forced: false, ahead: 1e12, signal });',
      ),
    ],
    within: 5000,
  },
  {
    name: 'does not store a sign-in without a refresh token',
    patches: [
      patch(
        'sign-in.ts',
        "if (record.refreshToken === undefined) emit({ type: 'refresh-token-missing' });",
        'if (record.refreshToken === undefined) return record;',
      ),
    ],
    within: 200,
  },
  {
    name: 'gives out a token that an API has rejected, if nothing can be refreshed',
    patches: [patch('usable-token.ts', '  if (refusedAt !== undefined && endsByRejection(record)) return true;\n', '')],
    within: 2000,
  },
  {
    name: 'takes a token whose expiry is not known for one that has expired',
    patches: [
      patch(
        'usable-token.ts',
        'if (expiresAt === undefined) return false;',
        'if (expiresAt === undefined) return true;',
      ),
    ],
    within: 200,
  },
  {
    name: 'gives out a token that lacks scopes',
    patches: [patch('usable-token.ts', ' && accepts(record)\n', '\n')],
    within: 200,
  },
  {
    name: 'asks again for what the person has denied',
    patches: [patch('sign-in.ts', '  acceptance.signedIn(record);\n', '')],
    within: 20000,
  },
  {
    name: 'forgets the data of a record at a refresh',
    patches: [patch('token-response.ts', 'data: tokens.data ?? old?.data', 'data: tokens.data')],
    within: 200,
  },
];
