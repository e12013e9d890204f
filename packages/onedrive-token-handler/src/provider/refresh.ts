import type { TokenRecord, TokenResponse } from 'shared-token';
import type { Settings } from '../options.ts';
import { scopesToAsk, splitScope } from '../scopes.ts';
import type { Provider } from './provider.ts';
import { readRefreshAnswer } from './token-answer.ts';

/** Sends one refresh request (RFC 6749 section 6). Once sent, only its own deadline ends it: an abort could lose its result. */
export async function refresh(provider: Provider, settings: Settings, record: TokenRecord): Promise<TokenResponse> {
  const scope = scopesToAsk(settings, splitScope(record.scope)).join(' ');
  const form = { grant_type: 'refresh_token', refresh_token: record.refreshToken, scope };
  return readRefreshAnswer(await provider.post({ endpoint: 'token', step: 'refresh', form }), record);
}
