import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../runtimes/programs');

export const programPath = (name: string): string => join(folder, `${name}.ts`);

export const readProgram = (name: string): string => readFileSync(programPath(name), 'utf8');

/** The JSON that each program prints last. */
export const printed = {
  packages: {
    'pkce-state': true,
    'loopback-acceptor': 'the-code',
    'token-store-kit': 'sealed',
    'token-store-sqlite': [false, false, ['app'], 'first'],
    'token-store-file': [false, true, ['app']],
    'shared-token': ['token-1', 'token-1', 1, 'second'],
    'shared-token-mcp': 'stored',
    'onedrive-graph': { id: 'drive' },
  },
  'whole-flow': { same: true, isNew: true, shared: 1, signedIn: [true, false], failure: 'SIGN_IN_REQUIRED' },
};

/** The JSON in the last line. */
export const lastJson = (output: string): unknown => JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');
