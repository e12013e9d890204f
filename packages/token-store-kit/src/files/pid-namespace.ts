import { fs } from './node-fs.ts';

/**
 * Two letters or digits for the process ids that this process sees: a container has its own. A process id from another place may be that
 * of any process here. Systems other than Linux have one place for all.
 */
export function ownNamespace(): string {
  let id = 0;
  try {
    id = fs.statSync('/proc/self/ns/pid').ino % 36 ** 2;
  } catch {
    // Another system.
  }
  return id.toString(36).padStart(2, '0');
}
