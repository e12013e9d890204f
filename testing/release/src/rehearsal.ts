import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NpmUser } from './npm-user.ts';
import { type Registry, startRegistry } from './registry.ts';
import { ReleaseCopy } from './release-copy.ts';

/** A registry, a copy of this repository that makes releases, and users who install: all below one temporary folder. */
export class Rehearsal implements AsyncDisposable {
  readonly folder: string;
  readonly copy: ReleaseCopy;
  readonly registry: Registry;

  private constructor(folder: string, copy: ReleaseCopy, registry: Registry) {
    this.folder = folder;
    this.copy = copy;
    this.registry = registry;
  }

  static async start(): Promise<Rehearsal> {
    const folder = mkdtempSync(join(tmpdir(), 'rehearsal-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const copy = await ReleaseCopy.make(join(folder, 'copy'));
    const registry = await startRegistry(join(folder, 'registry'), Object.keys(copy.versions()));
    return new Rehearsal(folder, copy, registry);
  }

  /** Sets the versions and publishes. Returns the names of the tarballs. */
  async release(name: string): Promise<string[]> {
    await this.copy.version();
    return this.copy.publish(this.registry.url, join(this.folder, name));
  }

  /** A new user of this Node. All users share the downloads of npm. */
  newUser(name: string, node: string): NpmUser {
    return new NpmUser(join(this.folder, name), node, this.registry.url, join(this.folder, 'npm-cache'));
  }

  /** Stops the registry. The folder is deleted when the process ends, because a test may fail before this call. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.registry[Symbol.asyncDispose]();
  }
}
