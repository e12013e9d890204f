import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { type IPty, spawn } from '@lydell/node-pty';
import type { Authority } from 'testing-authority';

export const columns = 88;

const bin = join(
  dirname(createRequire(import.meta.url).resolve('onedrive-token/package.json')),
  'bin/onedrive-token.js',
);
const deadline = 20_000;

/** A person's home, with our command on the PATH and a browser that only tells which address it was given. */
export class Home implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'pictures-'));
  readonly env: NodeJS.ProcessEnv;

  constructor(authority: Authority) {
    const programs = join(this.folder, 'bin');
    mkdirSync(programs);
    const command = `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`;
    writeFileSync(join(programs, 'onedrive-token'), command, { mode: 0o755 });
    writeFileSync(join(programs, 'browser'), `#!/bin/sh\necho "$1" >'${this.folder}/address'\n`, { mode: 0o755 });
    this.env = {
      PATH: [programs, dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: this.folder,
      LANG: 'C.UTF-8',
      TERM: 'xterm-256color',
      PS1: '$ ',
      BROWSER: 'browser',
      ONEDRIVE_TOKEN_AUTHORITY: authority.url,
      ONEDRIVE_TOKEN_GRAPH: authority.graphUrl,
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** bash in a real pseudo-terminal. */
export class Shell implements Disposable {
  readonly #pty: IPty;
  readonly #home: Home;
  readonly #listeners = new Set<() => void>();
  #output = '';

  constructor(home: Home) {
    this.#home = home;
    this.#pty = spawn('bash', ['--norc', '--noprofile', '-i'], {
      env: home.env,
      cols: columns,
      rows: 60,
      cwd: home.folder,
      name: 'xterm-256color',
    });
    this.#pty.onData((data) => {
      this.#output += data;
      for (const listener of this.#listeners) listener();
    });
  }

  /** All that the terminal was sent. Only the name of the home, which is another each time, is not what it was. */
  get output(): string {
    return this.#output.replaceAll(this.#home.folder, '/home/ada');
  }

  type(line: string): void {
    this.#pty.write(`${line}\r`);
  }

  /** Types a line when the shell is ready for one, and resolves when it is ready for the next. */
  async run(line: string): Promise<void> {
    await this.shows(/(^|\n)\$ $/);
    const before = this.#output.length;
    this.type(line);
    await this.shows(/\n\$ $/, before);
  }

  /** Resolves with the match when the terminal has shown it. Rejects after 20 s. */
  shows(pattern: RegExp, from = 0): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = stripVTControlCharacters(this.#output.slice(from)).replace(/\r\n?/g, '\n').match(pattern);
        if (!found) return;
        clearTimeout(late);
        this.#listeners.delete(look);
        resolve(found);
      };
      const late = setTimeout(() => reject(new Error(`never showed ${pattern}: ${this.#output}`)), deadline);
      this.#listeners.add(look);
      look();
    });
  }

  [Symbol.dispose](): void {
    this.#pty.kill('SIGKILL');
  }
}
