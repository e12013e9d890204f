import { OneDriveTokenError } from '../../../../packages/onedrive-token-handler/src/one-drive-token-error.ts';
import { readOptions } from '../../../../packages/onedrive-token-handler/src/options.ts';
import type { HttpClient } from '../../../../packages/onedrive-token-handler/src/provider/http-client.ts';
import { Provider } from '../../../../packages/onedrive-token-handler/src/provider/provider.ts';
import { SharedTokenError } from '../../../../packages/shared-token/src/shared-token-error.ts';
import { readTokenResponse, toRecord } from '../../../../packages/shared-token/src/token-response.ts';
import { checkRecord } from '../../../../packages/token-store-kit/src/check-record.ts';
import type { TokenRecord } from '../../../../packages/token-store-kit/src/token-record.ts';
import { check, checkMessage } from '../check.ts';

const old = {
  refreshToken: 'the-secret-refresh-token',
  clientId: 'client',
  authority: 'https://authority',
} satisfies TokenRecord;
const statuses = [200, 200, 200, 200, 400, 401, 404, 429, 500];

/** The answer to a refresh: its first byte chooses the status, the rest is the body. Nothing between it and the write may throw. */
export async function fuzz(data: Buffer): Promise<void> {
  const status = statuses[(data[0] ?? 0) % statuses.length] ?? 200;
  const http = {
    postForm: async () => ({ status, retryAfter: undefined, body: data.toString('utf8', 1) }),
    routeTo: () => 'authority',
  } as unknown as HttpClient;
  // Too short for a second attempt, which would wait.
  const settings = readOptions({ appName: 'app', clientId: 'client', scopes: ['Files.Read'], requestTimeout: 1 });
  let tokens: ReturnType<typeof readTokenResponse>;
  try {
    tokens = readTokenResponse(await new Provider(http, settings, () => {}).refresh(old), 1_700_000_000_000);
  } catch (error) {
    if (!(error instanceof OneDriveTokenError) && !(error instanceof SharedTokenError)) throw error;
    checkMessage(error.message, [old.refreshToken]);
    checkMessage(JSON.stringify(error), [old.refreshToken]);
    return;
  }
  check('a token comes from a good answer', status === 200);
  check('the token fits into a header', /^[\x21-\x7e]+$/.test(tokens.accessToken));
  const record = toRecord({ clientId: 'client', authority: 'https://authority' }, tokens, old);
  check('there is a record to store', record !== undefined);
  if (record) checkRecord(record);
}
