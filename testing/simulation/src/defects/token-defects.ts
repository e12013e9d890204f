import { type Defect, patch } from './defect.ts';

/** Mistakes in which token is given out, and what a record has. */
export const tokenDefects: readonly Defect[] = [
  {
    name: 'keeps the token in memory after a sign-out',
    patches: [patch('shared-token.ts', '      this.#memory.clear();\n      // Flights', '      // Flights')],
    within: 200,
  },
  {
    name: 'uses the records of other clients',
    patches: [
      patch(
        'usable-token.ts',
        'if (clientId !== undefined && storedClientId !== undefined && storedClientId !== clientId) return false;',
        '',
      ),
    ],
    within: 200,
  },
  {
    name: 'stores records without their client',
    patches: [patch('token-response.ts', 'clientId: clientId ?? old?.clientId', 'clientId: old?.clientId')],
    within: 200,
  },
  {
    name: 'forgets the refresh token if the answer has none',
    patches: [patch('token-response.ts', 'refreshToken = old?.refreshToken } = tokens', 'refreshToken } = tokens')],
    within: 200,
  },
  {
    name: 'lets a forced call join a refresh that is not forced',
    patches: [patch('silent-flight.ts', '(this.#request.forced || !forced) && ', '')],
    within: 5000,
  },
  {
    name: 'does not wait for its requests when it is closed',
    patches: [
      patch(
        'shared-token.ts',
        '    await inTime(this.#settings.refreshTimeout, ended, goOn).catch(goOn);\n',
        '    void ended;\n',
      ),
    ],
    within: 20000,
  },
];
