import { commonOptions } from './common-options.ts';
import type { Settings } from './settings.ts';

/** A command line to copy: `command` with those options of the present one that say which tokens are meant. */
export function suggestCommand(command: string, settings: Settings | undefined): string {
  const words = commonOptions
    .filter(({ key }) => ['app', 'clientId', 'db', 'keyFile', 'authority'].includes(key))
    .flatMap(({ flag, key }) => {
      const value = settings?.flags[key];
      return value === undefined ? [] : [flag, quote(String(value))];
    });
  return ['onedrive-token', command, ...words].join(' ');
}

function quote(word: string): string {
  // cmd.exe knows no single quotes, and PowerShell both.
  if (process.platform === 'win32')
    return /^[\w./\\:@+,-]+$/.test(word) ? word : `"${word.replaceAll('"', String.raw`\"`)}"`;
  return /^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
