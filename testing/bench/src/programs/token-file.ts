import { readFile, writeFile } from 'node:fs/promises';

/** The tokens that a program has to store itself if its library does not. */
export interface KeptTokens {
  refreshToken: string;
  accessToken: string;
  /** Epoch milliseconds. */
  expiresAt: number;
}

/** The file that a programmer writes if the library stores nothing: JSON, mode 0600, overwritten. */
export class TokenFile<T = KeptTokens> {
  readonly #path: string;

  constructor(folder: string, name: string) {
    this.#path = `${folder}/${name}.json`;
  }

  async read(): Promise<T> {
    return JSON.parse(await readFile(this.#path, 'utf8'));
  }

  async write(content: T): Promise<void> {
    await writeFile(this.#path, JSON.stringify(content), { mode: 0o600 });
  }
}

/** Stores the answer of the provider. Returns the access token. */
export async function keepAnswer(
  file: TokenFile,
  answer: { access_token: string; refresh_token?: string; expires_in?: number },
): Promise<string> {
  const { access_token: accessToken, refresh_token: refreshToken = '', expires_in: seconds = 0 } = answer;
  await file.write({ refreshToken, accessToken, expiresAt: Date.now() + seconds * 1000 });
  return accessToken;
}
