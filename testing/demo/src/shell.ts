import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority } from 'testing-authority';
import { CliHome } from 'testing-command';
import { noTerminal, openTerminal, type Terminal } from 'testing-command/terminal';

export const columns = 88;

/** A home with the command installed, and a browser that only writes down the address it gets. */
export function openHome(authority: Authority): CliHome {
  const home = new CliHome({
    TERM: 'xterm-256color',
    PS1: '$ ',
    BROWSER: 'browser',
    ONEDRIVE_TOKEN_AUTHORITY: authority.url,
    ONEDRIVE_TOKEN_GRAPH: authority.graphUrl,
  });
  const browser = `#!/bin/sh\necho "$1" >'${addressFile(home)}'\n`;
  writeFileSync(join(home.installCommand(), 'browser'), browser, { mode: 0o755 });
  return home;
}

/** The file in which the browser of a home writes the address. */
export function addressFile(home: CliHome): string {
  return join(home.folder, 'address');
}

/** bash in a pseudo terminal. */
export class Shell implements Disposable {
  readonly #terminal: Terminal;
  readonly #home: CliHome;

  constructor(home: CliHome) {
    if (!openTerminal) throw new Error(noTerminal);
    this.#home = home;
    const args = ['--norc', '--noprofile', '-i'];
    this.#terminal = openTerminal('bash', args, { env: home.env, cols: columns, rows: 60, cwd: home.folder });
  }

  /** Everything that the terminal has got. The home has the same name in every picture. */
  get output(): string {
    return this.#terminal.output.replaceAll(this.#home.folder, '/home/ada');
  }

  type(line: string): void {
    this.#terminal.type(`${line}\r`);
  }

  /** Types a line as soon as the shell has its prompt, and resolves with the next prompt. */
  async run(line: string): Promise<void> {
    await this.shows(/(^|\n)\$ $/);
    const { length } = this.#terminal.output;
    this.type(line);
    await this.#terminal.shows(/\n\$ $/, length);
  }

  /** As `shows` of the terminal. */
  shows(pattern: RegExp): Promise<RegExpMatchArray> {
    return this.#terminal.shows(pattern);
  }

  [Symbol.dispose](): void {
    this.#terminal[Symbol.dispose]();
  }
}
