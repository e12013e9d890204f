/** What the bench passes to a program: the provider, and the folder for its tokens. */
export interface Situation {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** `${origin}/consumers` */
  readonly authority: string;
  readonly clientId: string;
  readonly folder: string;
}

export const scopes = ['https://graph.microsoft.com/Files.ReadWrite.All'];

/** A way to get a token, written as in a program that uses it. */
export interface Client {
  /** Returns a token from the stored ones, without a user. */
  token(): Promise<string>;
  /** Signs in: calls `open` with the address for the browser, and stores the tokens before it resolves. */
  signIn(open: (url: string) => void): Promise<string>;
}

/**
 * `node PROGRAM MODE SITUATION`. Mode `token` prints a token and ends. Mode `token-when-told` prints `{}`, waits for a line of stdin, and
 * prints `{ token }` or `{ failed }`; mode `sign-in` begins at once, and first prints `{ open }` with the address for the browser.
 */
export async function runProgram(make: (situation: Situation) => Client): Promise<void> {
  const [mode, situation = '{}'] = process.argv.slice(2);
  const client = make(JSON.parse(situation));
  if (mode === 'token') return console.log(await client.token());
  const say = (line: object): void => console.log(JSON.stringify(line));
  try {
    if (mode === 'sign-in') {
      const token = await client.signIn((open) => say({ open }));
      say({ token });
      return;
    }
    const told = new Promise((resolve) => process.stdin.once('data', resolve));
    say({});
    await told;
    say({ token: await client.token() });
  } catch (error) {
    say({ failed: String(error) });
  }
  process.stdin.destroy();
}
