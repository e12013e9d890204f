import { besideDatabase } from '../beside-database.ts';
import { readEntries, writeEntry } from './private-json.ts';

/** What is asked for where nobody said anything else. */
export const defaultScopes: readonly string[] = ['Files.ReadWrite.All'];

/** What one app name was last signed in with. Nothing in it is secret. */
export interface RememberedApp {
  clientId: string;
  /** As the provider granted them. */
  scopes: string[];
}

/** Undefined where nothing usable is remembered. */
export function readRememberedApp(db: string, app: string): RememberedApp | undefined {
  const found = readEntries(rememberedFile(db))[app];
  return isRememberedApp(found) ? found : undefined;
}

/** Throws what the file system says. */
export function rememberApp(db: string, app: string, { clientId, scopes }: RememberedApp): void {
  writeEntry(rememberedFile(db), app, { clientId, scopes });
}

/** Beside the database; a logout leaves it alone. */
function rememberedFile(db: string): string {
  return besideDatabase(db, '.apps.json');
}

function isRememberedApp(value: unknown): value is RememberedApp {
  const { clientId, scopes } = (value ?? {}) as Partial<RememberedApp>;
  return (
    typeof clientId === 'string' &&
    clientId !== '' &&
    Array.isArray(scopes) &&
    scopes.every((scope) => typeof scope === 'string')
  );
}
