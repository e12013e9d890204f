import { readlinkSync, symlinkSync } from 'node:fs';

/** Makes a symbolic link. False if the system makes none: Windows lets few users, and wine says yes but makes none. */
export function makeLink(target: string, path: string): boolean {
  try {
    symlinkSync(target, path);
    readlinkSync(path);
    return true;
  } catch (error) {
    if (process.platform !== 'win32') throw error;
    console.log('skipped: this user may make no symbolic links');
    return false;
  }
}
