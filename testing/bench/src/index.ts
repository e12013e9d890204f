/**
 * `pnpm bench`: what the packages cost, side by side with bare Node in one run, as ratios. Whole processes are timed in
 * turn, A B A B …, so that a machine whose speed drifts slows both; medians are shown.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bench, run } from 'mitata';
import { OneDriveTokenHandler } from 'onedrive-token-handler';
import { signInAs, startAuthority } from 'testing-authority';

const rounds = Number(process.env.ROUNDS ?? 40);
const cli = join(
  dirname(createRequire(import.meta.url).resolve('onedrive-token/package.json')),
  'bin/onedrive-token.js',
);

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
await using authority = await startAuthority();
try {
  const dbFilepath = join(folder, 'tokens.db');
  const { clientId } = authority;
  const scopes = ['Files.ReadWrite.All'];
  const options = { appName: 'onedrive-token', clientId, scopes, authority: authority.url, dbFilepath };
  await using handler = new OneDriveTokenHandler({ ...options, openBrowser: signInAs });
  await handler.getToken();

  const env = {
    ONEDRIVE_TOKEN_DB: dbFilepath,
    ONEDRIVE_TOKEN_CLIENT_ID: clientId,
    ONEDRIVE_TOKEN_AUTHORITY: authority.url,
    XDG_CACHE_HOME: folder,
  };
  compare('a stored token by the command', [cli], env);
  compare('importing the handler', ['--input-type=module', '-e', "await import('onedrive-token-handler')"]);

  bench('getToken() in memory', () => handler.getToken());
  await run({ colors: false });
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function compare(what: string, args: string[], env: NodeJS.ProcessEnv = {}): void {
  const bare: number[] = [];
  const ours: number[] = [];
  for (let round = 0; round < rounds; round++) {
    bare.push(time(['-e', '0'], env));
    ours.push(time(args, env));
  }
  const [a, b] = [median(bare), median(ours)];
  console.log(
    `${what}: ${b.toFixed(1)} ms, bare Node ${a.toFixed(1)} ms: ratio ${(b / a).toFixed(2)}, difference ${(b - a).toFixed(1)} ms`,
  );
}

function time(args: string[], env: NodeJS.ProcessEnv): number {
  const started = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    env: { ...process.env, ...env },
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  const milliseconds = performance.now() - started;
  if (status !== 0) throw new Error(`node ${args[0]} ended with ${status}: ${stderr}`);
  return milliseconds;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
