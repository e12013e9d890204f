import { type Defect, defect } from './defect.ts';

/** Mistakes in what is made of providers that differ: lives, refresh ahead, no refresh token, no expiry, scopes, data. */
export const providerDefects: readonly Defect[] = [
  defect('refreshes tokens of a short life all the time', 1000, [
    'usable-token.ts',
    'Math.min(skew, lifetime * longestSkewShare)',
    'skew',
  ]),
  defect(
    'refreshes ahead before it is time',
    5000,
    ['refresh-ahead.ts', 'isStale(record, now, { skew, ahead }) && ', ''],
    [
      'refresh-ahead.ts',
      'const outcome = await obtainSilently(this.#keeper, { held, forced: false, ahead, signal });',
      'const outcome = await obtainSilently(this.#keeper, { held, forced: false, ahead: 1e12, signal });',
    ],
  ),
  defect('does not store a sign-in without a refresh token', 200, [
    'sign-in.ts',
    "if (record.refreshToken === undefined) emit({ type: 'refresh-token-missing' });",
    'if (record.refreshToken === undefined) return record;',
  ]),
  defect('gives out a token that an API has rejected, if nothing can be refreshed', 1000, [
    'usable-token.ts',
    '  if (hasEnded(record)) return true;\n',
    '',
  ]),
  defect('takes a token whose expiry is not known for one that has expired', 200, [
    'usable-token.ts',
    'if (expiresAt === undefined) return false;',
    'if (expiresAt === undefined) return true;',
  ]),
  defect('gives out a token that lacks scopes', 200, ['usable-token.ts', ' && accepts(record)\n', '\n']),
  defect('asks again for what the person has denied', 1000, [
    'sign-in.ts',
    'acceptance.signedIn(record, request.reason)',
    '(() => {})',
  ]),
  defect('forgets the data of a record at a refresh', 200, [
    'token-response.ts',
    'data: tokens.data ?? old?.data',
    'data: tokens.data',
  ]),
];
