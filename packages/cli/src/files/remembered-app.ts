import { besideDatabase, readEntries, writeEntry } from './private-json.ts';

/** What one app name was last signed in with. None of it is secret. */
export interface RememberedApp {
  clientId: string;
  /** As the provider granted them. */
  scopes: string[];
}

/** undefined if nothing usable is remembered. */
export function readRememberedApp(db: string, app: string): RememberedApp | undefined {
  const found = readEntries(rememberedFile(db))[app];
  return isRememberedApp(found) ? found : undefined;
}

/** Throws the file system's error. */
export function rememberApp(db: string, app: string, { clientId, scopes }: RememberedApp): void {
  writeEntry(rememberedFile(db), app, { clientId, scopes });
}

/** Throws the file system's error. */
export function forgetApp(db: string, app: string): void {
  writeEntry(rememberedFile(db), app, undefined);
}

/** A logout does not delete this file: the next login needs the client id. */
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
