import type { Command } from './command.ts';
import { readPassphrase } from './key/passphrase.ts';
import { mayAsk } from './settings/settings.ts';
import { askPassphrase } from './terminal/ask-passphrase.ts';
import { wantsKey } from './wants-key.ts';

const tries = 3;

/**
 * Calls `use` with the passphrase that is set, if any. Where the database wants another and a person is there to be asked,
 * asks for it and calls `use` again.
 */
export async function withPassphrase<T>(
  { settings, interrupt }: Pick<Command, 'settings' | 'interrupt'>,
  use: (passphrase: string | undefined) => Promise<T>,
): Promise<T> {
  let passphrase = readPassphrase(settings);
  for (let asked = passphrase === undefined ? 0 : tries; ; asked++) {
    try {
      return await use(passphrase);
    } catch (error) {
      if (!wantsKey(error) || asked === tries || !mayAsk(settings)) throw error;
      passphrase = await askPassphrase(`Passphrase of ${settings.db}: `, interrupt);
    }
  }
}
