import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countModules } from './count-modules.ts';
import { Scene } from './scene.ts';

interface Start {
  readonly what: string;
  readonly program: string;
  /** Files that are loaded as modules. If the number falls, lower this limit. */
  readonly mostFiles: number;
  /** Modules of Node, in addition to those of bare Node. If the number falls, lower this limit. */
  readonly mostBuiltins: number;
  readonly isExpired?: boolean;
}

const imports = `import { OneDriveTokenHandler } from 'onedrive-token-handler';`;
const getToken = `${imports}
  await using handler = new OneDriveTokenHandler(JSON.parse(process.argv[1]));
  console.log(await handler.getToken());`;

const starts: readonly Start[] = [
  { what: 'imports the handler', program: imports, mostFiles: 2, mostBuiltins: 3 },
  { what: 'gets a stored token', program: getToken, mostFiles: 5, mostBuiltins: 40 },
  { what: 'gets a refreshed token', program: getToken, mostFiles: 7, mostBuiltins: 51, isExpired: true },
];

const scene = await Scene.open();
test.after(() => scene[Symbol.asyncDispose]());

for (const { what, program, mostFiles, mostBuiltins, isExpired } of starts) {
  test(`a program that ${what} loads at most ${mostFiles} files and ${mostBuiltins} modules of Node`, async () => {
    const { authority, options } = scene;
    const before = authority.count('token');
    if (isExpired) scene.expire();
    const given = JSON.stringify({ ...options, interactive: false });
    const { stdout, files, builtins } = await countModules(['--input-type=module', '-e', program, '--', given]);
    if (program === getToken) assert.ok(authority.issuedSecrets.has(stdout.trim()));
    assert.is(authority.count('token') - before, isExpired ? 1 : 0);
    console.log(`measured: ${what}: ${files.length} files, ${builtins} modules of Node`);
    assert.ok(files.length <= mostFiles, `${files.length} files:\n${files.join('\n')}`);
    assert.ok(files.includes('onedrive-token-handler/dist/index.js'), 'the test sees files');
    assert.ok(builtins <= mostBuiltins, `${builtins} modules of Node`);
  });
}

test.run();
