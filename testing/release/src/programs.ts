import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../runtimes/programs');

export const programPath = (name: string): string => join(folder, `${name}.ts`);

export const readProgram = (name: string): string => readFileSync(programPath(name), 'utf8');

/** What programs print at last, as JSON. */
export const printed = {
  packages: {
    pkce: true,
    acceptor: 'the-code',
    kit: 'sealed',
    store: ['first', false, ['app']],
    lock: false,
    file: [false, true, ['app']],
    shared: ['token-1', 'token-1', 1, 'second'],
    record: 'second',
    graph: { id: 'drive' },
  },
  'whole-flow': { same: true, isNew: true, shared: 1, signedIn: [true, false], failure: 'SIGN_IN_REQUIRED' },
};

/** The JSON in the last line. */
export const lastJson = (output: string): unknown => JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');
