import { spawnSync } from 'node:child_process';
import { appendFileSync, chownSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { findUser, newFolder } from './tools.ts';

const mounted = new Set<string>();
// Unmount before the folders are deleted: listeners run in the order in which they were added.
process.prependListener('exit', () => {
  for (const folder of mounted) unmount(folder);
});

/** A small file system of its own, which can be filled to the last block. Needs root. */
export class SmallDisk implements AsyncDisposable {
  /** The root folder of the disk. It belongs to the user of PostgreSQL. */
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** A line that begins with `skipped:`, or undefined if disks can be made here. */
  static missing(): string | undefined {
    const folder = newFolder();
    if (!mount(folder, 1)) return 'skipped: a full disk needs root and the right to mount a tmpfs';
    unmount(folder);
    return undefined;
  }

  static create(mebibytes: number): SmallDisk {
    const folder = newFolder();
    if (!mount(folder, mebibytes)) throw new Error('there is no right to mount a tmpfs: ask SmallDisk.missing() first');
    const user = findUser();
    if (user) chownSync(folder, user.uid, user.gid);
    return new SmallDisk(folder);
  }

  /** Fills the disk, so that no block is free. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.folder);
    appendFileSync(this.#filler, Buffer.alloc(Number(bavail) * Number(bsize)));
  }

  /** Frees the space that `fill` has taken. */
  free(): void {
    rmSync(this.#filler);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    unmount(this.folder);
  }

  get #filler(): string {
    return join(this.folder, 'filler');
  }
}

function mount(folder: string, mebibytes: number): boolean {
  const args = ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'tmpfs', folder];
  if (spawnSync('mount', args).status !== 0) return false;
  mounted.add(folder);
  return true;
}

/** `--lazy`, because the server may still have a file open. */
function unmount(folder: string): void {
  if (mounted.delete(folder)) spawnSync('umount', ['--lazy', folder]);
}
