import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { plainEnvironment, type RunOptions, run } from './run.ts';

/**
 * A user with Node and npm. The user's home, cache and global packages are below `folder`. Install scripts never run, so the tests show
 * that no package needs one.
 */
export class NpmUser {
  readonly #folder: string;
  readonly #node: string;
  readonly #env: NodeJS.ProcessEnv;

  /** `node`: the executable, with which npm of this machine runs too. `cache`: several users may share it. */
  constructor(folder: string, node: string, registry: string, cache: string) {
    this.#folder = folder;
    this.#node = node;
    const home = join(folder, 'home');
    mkdirSync(home, { recursive: true });
    const userconfig = join(home, '.npmrc');
    const settings = {
      registry,
      cache,
      'prefer-offline': true,
      'ignore-scripts': true,
      audit: false,
      fund: false,
      'update-notifier': false,
    };
    writeFileSync(
      userconfig,
      Object.entries(settings)
        .map((setting) => `${setting.join('=')}\n`)
        .join(''),
    );
    this.#env = {
      ...plainEnvironment(),
      PATH: [dirname(node), join(this.#prefix, 'bin'), process.env.PATH].join(delimiter),
      HOME: home,
      npm_config_userconfig: userconfig,
      npm_config_prefix: this.#prefix,
      XDG_DATA_HOME: undefined,
      XDG_CACHE_HOME: undefined,
    };
  }

  get #prefix(): string {
    return join(this.#folder, 'prefix');
  }

  /** Makes a folder with an ESM project, outside of any workspace. */
  makeProject(name: string, files: Record<string, string> = {}): string {
    const project = join(this.#folder, name);
    mkdirSync(project);
    const all = { 'package.json': '{ "private": true, "type": "module" }', ...files };
    for (const [file, text] of Object.entries(all)) writeFileSync(join(project, file), text);
    return project;
  }

  /** `npm …` in a project. */
  async npm(project: string, ...args: string[]): Promise<void> {
    await run('npm', args, { cwd: project, env: this.#env });
  }

  /** Runs a program of a project. */
  async node(project: string, args: readonly string[], { env, ...options }: Partial<RunOptions> = {}): Promise<string> {
    return run(this.#node, args, { cwd: project, env: { ...this.#env, ...env }, timeout: 30_000, ...options });
  }

  /** Runs a command that was installed globally. */
  async command(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
    const bin = join(this.#prefix, 'bin', name);
    return run(bin, args, { cwd: this.#folder, env: { ...this.#env, ...env }, timeout: 30_000 });
  }

  /** Every package that npm has installed in a project, as `name@version`. */
  installed(project: string): string[] {
    const { packages } = JSON.parse(readFileSync(join(project, 'node_modules/.package-lock.json'), 'utf8'));
    return Object.entries<{ version: string }>(packages)
      .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`)
      .sort();
  }
}
