import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';

const address = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;

/** Replaces e-mail addresses and the path of the home folder in every text, so that the result can go into a bug report. */
export function redact<T>(value: T): T {
  const homes = homeFolders();
  const text = JSON.stringify(value, (_key, found: unknown) =>
    typeof found === 'string' ? redactText(found, homes) : found,
  );
  return JSON.parse(text);
}

function redactText(text: string, homes: readonly string[]): string {
  const withoutHome = homes.reduce((found, home) => found.replaceAll(home, '~'), text);
  return withoutHome.replace(address, '<e-mail address>');
}

/** As the environment and the system name it, and without symbolic links; the longest first. */
function homeFolders(): string[] {
  const named = [process.env.HOME, process.env.USERPROFILE, attempt(homedir)].filter((home) => home !== undefined);
  const real = named.map((home) => attempt(() => realpathSync(home)));
  return [...new Set([...named, ...real])]
    .filter((home): home is string => home !== undefined && home.length > 1)
    .sort((one, other) => other.length - one.length);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
