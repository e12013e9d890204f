import type { Defect } from './fuzz.ts';
import type { TargetName } from './targets.ts';

/** Each must be found. They quote the sources: if a line changes, change it here as well. */
export const defects: readonly (Defect & { readonly name: string; readonly target: TargetName })[] = [
  {
    name: 'a Host that only ends like ours is taken',
    target: 'request-head',
    file: 'judge-head.ts',
    find: 'if (sentHost !== host) return',
    replace: 'if (!sentHost.endsWith(host)) return',
  },
  {
    name: 'an error needs no state',
    target: 'authorization-response',
    file: 'read-answer.ts',
    find: "if (!isSame(state, params.get('state'))) return 'wrong-state';",
    replace: "if (!error && !isSame(state, params.get('state'))) return 'wrong-state';",
  },
  {
    name: 'an access token may have spaces and line breaks',
    target: 'token-response',
    file: 'shared-token/src/token-response.ts',
    find: "typeof accessToken !== 'string' || !/^[\\x21-\\x7e]+$/.test(accessToken)",
    replace: "typeof accessToken !== 'string'",
  },
  {
    name: 'quotes within an address stay',
    target: 'pasted-address',
    file: 'read-redirect-url.ts',
    find: ".replace(/[\\s\\p{C}\"'`<>\\\\]/gu, '')",
    replace: ".replace(/[\\s\\p{C}]/gu, '')",
  },
];
