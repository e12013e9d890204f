import { commonOptions, longFlag } from './options.ts';
import type { Settings } from './settings.ts';

/** A command line to copy: `command` with those options of the present one that say which tokens are meant. */
export function suggestCommand(command: string, settings: Settings | undefined): string {
  const words = (['app', 'clientId', 'db', 'keyFile', 'authority'] as const).flatMap((name) => {
    const value = settings?.flags[name];
    return value === undefined ? [] : [longFlag(commonOptions[name]), quote(value)];
  });
  return ['onedrive-token', command, ...words].join(' ');
}

/** A login to copy, with a place for the client id if none is known. */
export function suggestLogin(settings: Settings, clientId: string | undefined): string {
  return `${suggestCommand('login', settings)}${clientId === undefined ? ' --client-id ID' : ''}`;
}

function quote(word: string): string {
  // cmd.exe knows no single quotes, and PowerShell both.
  if (process.platform === 'win32')
    return /^[\w./\\:@+,-]+$/.test(word) ? word : `"${word.replaceAll('"', String.raw`\"`)}"`;
  return /^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
