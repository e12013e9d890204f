import { readFile, writeFile } from 'node:fs/promises';
import type { ICachePlugin } from '@azure/msal-node';

/** A cache plugin as in Microsoft's documentation of token caching in Node. */
export function msalCacheIn(file: string): ICachePlugin {
  return {
    async beforeCacheAccess({ tokenCache }) {
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text !== undefined) tokenCache.deserialize(text);
    },
    async afterCacheAccess({ cacheHasChanged, tokenCache }) {
      if (cacheHasChanged) await writeFile(file, tokenCache.serialize(), { mode: 0o600 });
    },
  };
}
