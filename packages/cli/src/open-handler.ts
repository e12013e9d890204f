import { OneDriveTokenHandler, type OneDriveTokenHandlerOptions } from 'onedrive-token-handler';
import type { Settings } from './settings/settings.ts';
import { UsageError } from './usage-error.ts';

/** What the settings don't say. */
export type HandlerOptions = Omit<OneDriveTokenHandlerOptions, 'appName'>;

/** Makes the handler that the settings describe; `options` has the rest. Throws UsageError for what it can't use. */
export function openHandler(settings: Settings, options: HandlerOptions): OneDriveTokenHandler {
  try {
    return new OneDriveTokenHandler({
      appName: settings.app,
      dbFilepath: settings.db,
      ...(settings.authority !== undefined && { authority: settings.authority }),
      ...(settings.timeout !== undefined && { signInTimeout: settings.timeout }),
      ...options,
      // They only make the ID token say who signed in.
      scopes: [...options.scopes, 'openid', 'profile'],
    });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
