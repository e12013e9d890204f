import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { plainEnvironment, run } from './run.ts';

const checkout = resolve(import.meta.dirname, '../../..');

/** A copy of this repository as it is on disk. It makes releases as .github/workflows/release.yml does. */
export class ReleaseCopy {
  readonly folder: string;
  #env: NodeJS.ProcessEnv = {
    ...plainEnvironment(),
    CI: 'true',
    TURBO_TELEMETRY_DISABLED: '1',
    // Do not build again what this checkout has already built from the same sources.
    TURBO_CACHE_DIR: join(checkout, '.turbo/cache'),
    GIT_AUTHOR_NAME: 'rehearsal',
    GIT_AUTHOR_EMAIL: 'rehearsal@localhost',
    GIT_COMMITTER_NAME: 'rehearsal',
    GIT_COMMITTER_EMAIL: 'rehearsal@localhost',
  };

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** The output of `pnpm start` in a copy whose first command was for one package. */
  started = '';

  /** Copies into `folder`, which must not exist yet, and works there as after a clone: the first commands install. */
  static async make(folder: string): Promise<ReleaseCopy> {
    const copy = new ReleaseCopy(folder);
    await copyCheckout(folder);
    await copy.#run('git', ['init', '--quiet', '--initial-branch=main']);
    await copy.#commit('As it is');
    await copy.#run('pnpm', ['--filter', 'pkce-state', 'check']);
    copy.started = await copy.#run('pnpm', ['start']);
    return copy;
  }

  /** Adds a changeset, as a contributor does. */
  async addChangeset(packageName: string, bump: 'patch' | 'minor' | 'major', text: string): Promise<void> {
    const file = join(this.folder, `.changeset/${packageName}-${bump}.md`);
    writeFileSync(file, `---\n'${packageName}': ${bump}\n---\n\n${text}\n`);
    await this.#commit(text);
  }

  /** Changes a source file, as a contributor does. `file`: the path from the root. */
  replaceText(file: string, before: string, after: string): void {
    const path = join(this.folder, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(before)) throw new Error(`${file} does not contain ${JSON.stringify(before)}`);
    writeFileSync(path, text.replace(before, after));
  }

  /** Does what the pull request "Version Packages" and its merge do. Does nothing if there is no changeset. */
  async version(): Promise<void> {
    if (!readdirSync(join(this.folder, '.changeset')).some((file) => file.endsWith('.md'))) return;
    await this.#run('pnpm', ['exec', 'changeset', 'version']);
    await this.#commit('Version Packages');
  }

  /** Builds, packs the packages that `registry` lacks into `artifacts`, and publishes those tarballs. Returns their names. */
  async publish(registry: string, artifacts: string): Promise<string[]> {
    const { host } = new URL(registry);
    const userconfig = join(dirname(artifacts), 'publisher.npmrc');
    // The client requires a token. The registry accepts any.
    writeFileSync(userconfig, `registry=${registry}\n//${host}/:_authToken=rehearsal\n`);
    const npm = { npm_config_userconfig: userconfig, npm_config_registry: registry };
    await this.#run('pnpm', ['run', 'build']);
    await this.#run('pnpm', ['exec', 'changeset', 'pack', '--out-dir', artifacts], npm);
    await this.#run('pnpm', ['exec', 'changeset', 'publish', '--from-pack-dir', artifacts], npm);
    return readdirSync(join(artifacts, 'packages')).sort();
  }

  /** The versions of the published packages, from their manifests. */
  versions(): Record<string, string> {
    const manifests = readdirSync(join(this.folder, 'packages')).map((folder) =>
      JSON.parse(readFileSync(join(this.folder, 'packages', folder, 'package.json'), 'utf8')),
    );
    return Object.fromEntries(manifests.map(({ name, version }) => [name, version]));
  }

  /** The tags of the releases. */
  async tags(): Promise<string[]> {
    return (await this.#run('git', ['tag'])).trim().split('\n');
  }

  async #commit(message: string): Promise<void> {
    await this.#run('git', ['add', '--all']);
    await this.#run('git', ['commit', '--quiet', '--message', message]);
  }

  #run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string> {
    return run(command, args, { cwd: this.folder, env: { ...this.#env, ...env }, timeout: 300_000 });
  }
}

/** Copies this repository as it is on disk, without what git ignores. */
async function copyCheckout(folder: string): Promise<void> {
  const what = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = (await run('git', what, { cwd: checkout, env: plainEnvironment() })).split('\0');
  // git also lists a deleted file, until the deletion is committed.
  for (const file of new Set(listed)) {
    if (file === '' || !existsSync(join(checkout, file))) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(join(checkout, file), join(folder, file));
  }
}
