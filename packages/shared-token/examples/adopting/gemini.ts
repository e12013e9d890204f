/**
 * Lets the \@google/gemini-cli-core that is installed in FOLDER take the tokens of MCP servers through shared-token:
 * `node gemini.ts FOLDER`
 *
 * Install it, shared-token and token-store-file there. Its file, `mcp-oauth-tokens.json`, keeps its name, its format and all other
 * fields and accounts, so an unedited one can use it as well. Its encrypted file stays with its own way.
 */
import type { TokenRecord, TokenResponse } from 'shared-token';
import { editPackage } from './edit-package.ts';

/** An account in its file. Epoch milliseconds. */
interface Account {
  readonly serverName: string;
  readonly token: Pick<TokenRecord, 'accessToken' | 'refreshToken' | 'expiresAt' | 'scope'>;
  readonly updatedAt?: number;
}

/** Refreshes the token of `serverName` in the file at `path`, unless another process has. `send` sends the tool's own request. */
async function refreshForAll(
  path: string,
  serverName: string,
  send: (refreshToken: string) => Promise<TokenResponse>,
): Promise<void> {
  const { SharedToken } = await import('shared-token');
  const { openFileTokenStore } = await import('token-store-file');
  const store = openFileTokenStore(path, {
    parse(text) {
      const accounts = (JSON.parse(text) as Account[]).filter(({ token }) => token.refreshToken);
      return Object.fromEntries(
        accounts.map(({ serverName, token: { accessToken, refreshToken, expiresAt, scope }, updatedAt }) => [
          serverName,
          { accessToken, refreshToken, expiresAt, scope, obtainedAt: updatedAt } as TokenRecord,
        ]),
      );
    },
    format(records, before = '[]') {
      const accounts = (JSON.parse(before) as Account[]).map((account) => {
        const record = records[account.serverName];
        if (!record || record.accessToken === account.token.accessToken) return account;
        const { accessToken, refreshToken, expiresAt, scope, obtainedAt } = record;
        const token = { ...account.token, accessToken, refreshToken, expiresAt, scope };
        return { ...account, token, updatedAt: obtainedAt };
      });
      return JSON.stringify(accounts, null, 2);
    },
  });
  const shared = new SharedToken({ store, name: serverName, refresh: ({ refreshToken }) => send(refreshToken) });
  try {
    await shared.getToken();
  } finally {
    await shared.close();
    store.close();
  }
}

const [folder = '.'] = process.argv.slice(2);
const path = editPackage(folder, {
  name: '@google/gemini-cli-core',
  words: ['async getValidTokenWithMetadata(', 'try {'],
  code: `if (!this.tokenStorage.useEncryptedFile) {
    const send = (value) => this.refreshAccessToken({ ...config, clientId }, value, credentials.tokenUrl, credentials.mcpServerUrl);
    try {
      await refreshForAll(this.tokenStorage.getTokenFilePath(), serverName, send);
      current = (await this.tokenStorage.getCredentials(serverName)).token;
    } catch (error) {
      coreEvents.emitFeedback('error', 'There is no token for ' + serverName, error);
      return null;
    }
  } else `,
  declared: refreshForAll,
});
console.log(`edited ${path}`);
