import { existsSync, globSync, readlinkSync } from 'node:fs';

/** The paths of the files that a process has open, where the system tells. Of one that is gone, with something after it. */
export function openFiles(process: number | 'self' = 'self'): string[] {
  return existsSync('/proc/self/fd') ? globSync(`/proc/${process}/fd/*`).map(targetOf) : [];
}

/** Empty if it has been closed meanwhile. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
