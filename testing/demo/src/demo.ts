import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { startAuthority } from 'testing-authority';
import { scriptedBrowser, startCommand } from 'testing-command';

const heading = (text: string): void => console.log(`\n${styleText('bold', text)}`);
const say = (text: string): void => console.log(text);
const shown = (text: string): void => {
  // An authorization URL fills the screen, and a user learns little from it.
  const readable = text.trim().replace(/(authorize\?)\S+/, '$1…');
  if (readable) console.log(readable.replace(/^(?=.)/gm, '  '));
};

/**
 * Runs the command step by step and shows what it prints. Without a client id it signs in to a provider on this machine, with one to
 * Microsoft itself. Throws if a step fails.
 */
export async function runDemo(clientId: string | undefined): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'onedrive-token-'));
  const env: NodeJS.ProcessEnv = {
    ONEDRIVE_TOKEN_DB: join(folder, 'tokens.db'),
    ONEDRIVE_TOKEN_APP: 'demo',
  };
  // The user's own settings would change the demonstration.
  for (const name of ['CLIENT_ID', 'AUTHORITY', 'GRAPH', 'KEY']) env[`ONEDRIVE_TOKEN_${name}`] = undefined;
  try {
    await (clientId ? showMicrosoft(clientId, env) : showStandIn(env));
    heading('Done. The temporary database is deleted.');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function showMicrosoft(clientId: string, env: NodeJS.ProcessEnv): Promise<void> {
  heading('Sign in to Microsoft: your browser opens');
  await step(['login', '--client-id', clientId], env, 300_000);
  heading('The stored token, without a request');
  await step(['token'], env);
  heading('Your OneDrive');
  await step(['api', '/me/drive'], env);
  await step(['status'], env);
}

/** The command refreshes a token of so short a life when a tenth of it is left. */
const lifetimeSeconds = 10;
const usedForSeconds = 0.9 * lifetimeSeconds;

async function showStandIn(common: NodeJS.ProcessEnv): Promise<void> {
  await using authority = await startAuthority({ accessTokenTtl: lifetimeSeconds });
  const env = {
    ...common,
    ONEDRIVE_TOKEN_AUTHORITY: authority.url,
    ONEDRIVE_TOKEN_GRAPH: authority.graphUrl,
    ...(hasDesktop() ? {} : { BROWSER: scriptedBrowser }),
  };
  const asked = async (work: () => Promise<void>): Promise<void> => {
    const before = authority.count('token');
    await work();
    say(`  (requests to the token endpoint: ${authority.count('token') - before})`);
  };
  say(`In place of Microsoft, ${authority.origin} serves a real OpenID provider and a small OneDrive.`);

  heading('1. Sign in, once');
  say(
    hasDesktop()
      ? 'A browser window opens. Type any e-mail address, and the password that the page shows.'
      : 'There is no desktop, so a scripted browser signs in and consents.',
  );
  await asked(() => step(['login', '--client-id', authority.clientId], env, 200_000));
  const signedInAt = Date.now();

  heading('2. From now on the token comes from the database, without a request');
  await asked(() => step(['token'], env));

  heading('3. Shortly before its end it is refreshed, and the refresh token is replaced');
  const rest = signedInAt + usedForSeconds * 1000 - Date.now();
  say(`  (waiting ${Math.ceil(rest / 1000)} s for that)`);
  await sleep(Math.max(0, rest) + 200);
  await asked(() => step(['token', '--verbose'], env));

  heading('4. Call Microsoft Graph');
  await step(['api', '/me/drive'], env);

  heading('5. Who is signed in');
  await step(['status'], env);
}

async function step(args: readonly string[], env: NodeJS.ProcessEnv, timeout?: number): Promise<void> {
  say(styleText('cyan', `  $ onedrive-token ${args.join(' ')}`));
  const { status, signal, stdout, stderr } = await startCommand(args, { env: { ...process.env, ...env }, timeout })
    .ended;
  if (stderr) shown(stderr);
  if (status !== 0) throw new Error(`onedrive-token ${args[0]} ended with ${signal ?? `status ${status}`}`);
  if (args[0] === 'token') shown(shortened(stdout.trim()));
  else shown(args[0] === 'api' ? JSON.stringify(JSON.parse(stdout), null, 2) : stdout);
}

function shortened(token: string): string {
  return `${token.slice(0, 24)}…  (${token.length} characters)`;
}

function hasDesktop(): boolean {
  if (process.env.CI) return false;
  if (process.platform === 'darwin' || process.platform === 'win32') return true;
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}
