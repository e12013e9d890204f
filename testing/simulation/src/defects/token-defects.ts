import { type Defect, defect } from './defect.ts';

/** Mistakes in which token is given out, and what a record has. */
export const tokenDefects: readonly Defect[] = [
  defect('keeps the token in memory after a sign-out', 200, [
    'shared-token.ts',
    '    this.#memory.clear();\n    // Flights',
    '    // Flights',
  ]),
  defect('uses the records of other clients', 200, [
    'usable-token.ts',
    'if (clientId !== undefined && storedClientId !== undefined && storedClientId !== clientId) return false;',
    '',
  ]),
  defect('stores records without their client', 200, [
    'token-response.ts',
    'clientId: clientId ?? old?.clientId',
    'clientId: old?.clientId',
  ]),
  defect('forgets the refresh token if the answer has none', 200, [
    'token-response.ts',
    'refreshToken = old?.refreshToken } = tokens',
    'refreshToken } = tokens',
  ]),
  defect('lets a forced call join a refresh that is not forced', 10000, [
    'silent-flight.ts',
    '(forces || !forced) && ',
    '',
  ]),
  defect('does not wait for its requests when it is closed', 10000, [
    'shared-token.ts',
    '    await settled(ended, this.#settings.refreshTimeout);\n',
    '    void ended;\n',
  ]),
];
