import { existsSync, globSync, readlinkSync } from 'node:fs';

/** The paths of the files that this process has open, where the system tells. Of one that is gone, with something after it. */
export function openFiles(): string[] {
  return existsSync('/proc/self/fd') ? globSync('/proc/self/fd/*').map(targetOf) : [];
}

/** Empty if it has been closed meanwhile. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
