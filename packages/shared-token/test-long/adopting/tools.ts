import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a process of a tool is started with. */
export interface Start {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** What its standard output has if it got a token that the provider accepts. */
  readonly success: RegExp;
}

/** A tool from npm, and the file in which its sign-in is kept. */
export interface Tool {
  /** As npm calls it. */
  readonly name: string;
  readonly version: string;
  /** The program in `examples/adopting/` that edits it. */
  readonly example: string;
  /** Where its file is, under the home directory. */
  readonly file: string;
  /** The file of a person whose access token has expired. */
  expired(refreshToken: string, frontUrl: string): string;
  /** The refresh token in it. */
  refreshTokenIn(text: string): string | undefined;
  /** A process of the tool that is installed in `folder`. */
  start(folder: string, home: string, frontUrl: string): Start;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const yesterday = Date.now() - 86_400_000;

export const tools: readonly Tool[] = [
  {
    name: 'wrangler',
    version: '4.164.0',
    example: 'wrangler.ts',
    file: '.config/.wrangler/config/default.toml',
    expired: (refreshToken) =>
      [
        'oauth_token = "expired"',
        `expiration_time = "${new Date(yesterday).toISOString()}"`,
        `refresh_token = "${refreshToken}"`,
        'scopes = [ "account:read", "user:read", "offline_access" ]\n',
      ].join('\n'),
    refreshTokenIn: (text) => /^refresh_token = "(.*)"$/m.exec(text)?.[1],
    start: (folder, home, frontUrl) => ({
      args: [join(folder, 'node_modules/wrangler/wrangler-dist/cli.js'), 'auth', 'token'],
      env: {
        XDG_CONFIG_HOME: join(home, '.config'),
        WRANGLER_TOKEN_URL: `${frontUrl}/token`,
        // Nothing listens there, so nothing leaves this machine: not the question whether this domain has Cloudflare Access.
        WRANGLER_AUTH_DOMAIN: '127.0.0.1:9',
        WRANGLER_SEND_METRICS: 'false',
        HTTPS_PROXY: 'http://127.0.0.1:9',
        NO_PROXY: '127.0.0.1',
      },
      // It prints nothing else that long.
      success: /^[\w-]{43}$/m,
    }),
  },
  {
    name: 'vercel',
    version: '60.0.0',
    example: 'vercel.ts',
    file: 'auth.json',
    expired: (refreshToken) => {
      const tokens = { token: 'expired', userId: 'ada', expiresAt: Math.floor(yesterday / 1000), refreshToken };
      return `${JSON.stringify({ '// Note': 'This is your Vercel credentials file.', ...tokens }, null, 2)}\n`;
    },
    refreshTokenIn: (text) => JSON.parse(text).refreshToken,
    start: (folder, home, frontUrl) => ({
      args: [
        ...['--import', here('loopback-fetch.ts'), join(folder, 'node_modules/vercel/dist/vc.js'), 'whoami'],
        ...['--global-config', home, '--api', frontUrl],
      ],
      env: {
        FRONT_URL: frontUrl,
        VERCEL_TOKEN_STORAGE: 'file',
        VERCEL_TELEMETRY_DISABLED: '1',
        NO_UPDATE_NOTIFIER: '1',
      },
      success: /ada/,
    }),
  },
  {
    name: '@google/gemini-cli-core',
    version: '0.61.0',
    example: 'gemini.ts',
    file: '.gemini/mcp-oauth-tokens.json',
    expired: (refreshToken, frontUrl) => {
      const account = (serverName: string, token: object) => ({
        serverName,
        token: { ...token, tokenType: 'Bearer' },
        ...{ clientId: 'a-client', tokenUrl: `${frontUrl}/token`, updatedAt: yesterday },
      });
      const race = account('race', { accessToken: 'expired', expiresAt: yesterday, refreshToken });
      return JSON.stringify([account('another', { accessToken: 'a token of another server' }), race], null, 2);
    },
    refreshTokenIn: (text) =>
      JSON.parse(text).find((each: { serverName: string }) => each.serverName === 'race')?.token.refreshToken,
    start: (folder, home) => ({
      args: [here('gemini-process.ts'), folder],
      env: { GEMINI_CLI_HOME: home },
      success: /"accessToken":"(?!expired)/,
    }),
  },
];
