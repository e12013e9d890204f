import { bin } from 'testing-command';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countModules } from './count-modules.ts';
import { Scene } from './scene.ts';

interface Start {
  readonly what: string;
  readonly args: readonly string[];
  /** Files that are loaded as modules. If the number falls, lower this limit. */
  readonly mostFiles: number;
  /** Modules of Node, in addition to those of bare Node. If the number falls, lower this limit. */
  readonly mostBuiltins: number;
  readonly isExpired?: boolean;
}

const starts: readonly Start[] = [
  { what: 'prints a stored token', args: [], mostFiles: 3, mostBuiltins: 2 },
  { what: 'prints a refreshed token', args: [], mostFiles: 12, mostBuiltins: 56, isExpired: true },
  { what: 'runs a program with a stored token', args: ['exec', '--', 'true'], mostFiles: 3, mostBuiltins: 42 },
  { what: 'shows the status', args: ['status'], mostFiles: 10, mostBuiltins: 7 },
  { what: 'lists the app names', args: ['list'], mostFiles: 10, mostBuiltins: 7 },
  { what: 'prints its version', args: ['--version'], mostFiles: 3, mostBuiltins: 1 },
  { what: 'prints its help', args: ['--help'], mostFiles: 4, mostBuiltins: 0 },
];

const scene = await Scene.open();
test.after(() => scene[Symbol.asyncDispose]());

for (const { what, args, mostFiles, mostBuiltins, isExpired } of starts) {
  test(`the command that ${what} loads at most ${mostFiles} files and ${mostBuiltins} modules of Node`, async () => {
    const { authority, dbFilepath } = scene;
    const before = authority.count('token');
    if (isExpired) scene.expire();
    const { stdout, files, builtins } = await countModules([bin, ...args], {
      ONEDRIVE_TOKEN_DB: dbFilepath,
      ONEDRIVE_TOKEN_CLIENT_ID: authority.clientId,
      ONEDRIVE_TOKEN_AUTHORITY: authority.url,
    });
    if (args.length === 0) assert.ok(authority.issuedSecrets.has(stdout.trim()));
    assert.is(authority.count('token') - before, isExpired ? 1 : 0);
    console.log(`measured: ${what}: ${files.length} files, ${builtins} modules of Node`);
    assert.ok(files.length <= mostFiles, `${files.length} files:\n${files.join('\n')}`);
    assert.ok(
      files.some((file) => file.endsWith('/onedrive-token.js')),
      'the test sees files',
    );
    assert.ok(builtins <= mostBuiltins, `${builtins} modules of Node`);
  });
}

test.run();
