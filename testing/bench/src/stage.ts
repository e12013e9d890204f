import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authority, freePort, signInAs, startAuthority } from 'testing-authority';
import { Program } from './program.ts';
import type { Situation } from './programs/run-program.ts';
import { pythonClass, type Subject } from './subjects.ts';

/** The authority and the folder that all measured programs use. */
export class Stage implements AsyncDisposable {
  readonly authority: Authority;
  readonly folder = mkdtempSync(join(tmpdir(), 'bench-'));
  readonly #port: number;

  private constructor(authority: Authority, port: number) {
    this.authority = authority;
    this.#port = port;
  }

  static async open(): Promise<Stage> {
    const redirectUris = ['http://localhost', 'http://localhost/callback'];
    return new Stage(await startAuthority({ redirectUris }), await freePort());
  }

  situation(subject: Subject): Situation {
    const { origin, url, clientId, clientIdWithoutPkce } = this.authority;
    return {
      origin,
      authority: url,
      clientId: subject === pythonClass ? clientIdWithoutPkce : clientId,
      folder: this.folder,
      port: this.#port,
    };
  }

  /** The command line of a program. */
  command(subject: Subject, mode: 'token' | 'token-when-told' | 'sign-in-when-told'): string[] {
    return [...subject.command, mode, JSON.stringify(this.situation(subject))];
  }

  /** Signs in with a program, so that tokens are stored. */
  async signIn(subject: Subject): Promise<void> {
    await using program = new Program(this.command(subject, 'sign-in-when-told'));
    await program.nextLine();
    program.tell();
    const { open = '' } = await program.nextLine();
    await signInAs(open);
    const { failed } = await program.nextLine();
    if (failed) throw new Error(`${subject.name} cannot sign in: ${failed}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.authority.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
