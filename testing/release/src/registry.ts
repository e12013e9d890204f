import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { freePort } from 'testing-authority/free-port';
import { plainEnvironment, run } from './run.ts';

export interface Registry extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
}

/**
 * Starts verdaccio in a process of its own. It stores the packages `names` in `folder`, and accepts them from any client. It gets all other
 * packages from the registry that this machine uses.
 */
export async function startRegistry(folder: string, names: readonly string[]): Promise<Registry> {
  const uplink = await run('npm', ['config', 'get', 'registry'], { cwd: import.meta.dirname, env: plainEnvironment() });
  const configFile = join(folder, 'config.yaml');
  mkdirSync(folder, { recursive: true });
  // JSON is YAML too.
  writeFileSync(
    configFile,
    JSON.stringify({
      storage: join(folder, 'storage'),
      auth: { htpasswd: { file: join(folder, 'htpasswd') } },
      uplinks: { machine: { url: uplink.trim(), maxage: '1h' } },
      packages: {
        ...Object.fromEntries(names.map((name) => [name, { access: '$all', publish: '$all' }])),
        '**': { access: '$all', proxy: 'machine' },
      },
      web: { enable: false },
      log: { type: 'stdout', format: 'pretty', level: 'error' },
    }),
  );
  const address = `127.0.0.1:${await freePort()}`;
  const child = fork(verdaccioBin(), ['--config', configFile, '--listen', address], {
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (output += text));
  const ended = once(child, 'exit');
  const ready = once(child, 'message', { signal: AbortSignal.timeout(30_000) });
  const early = ended.then(() => Promise.reject(new Error('verdaccio ended')));
  await Promise.race([ready, early]).catch((cause) => {
    child.kill();
    throw new Error(`the registry did not start: ${output}`, { cause });
  });
  // From now on, an end of verdaccio is expected.
  early.catch(() => {});
  return {
    url: `http://${address}/`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

function verdaccioBin(): string {
  const manifestFile = createRequire(import.meta.url).resolve('verdaccio/package.json');
  return join(dirname(manifestFile), 'bin/verdaccio');
}
