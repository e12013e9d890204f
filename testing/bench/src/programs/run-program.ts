/** What the bench passes to a program: the provider, and the folder for its tokens. */
export interface Situation {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** `${origin}/consumers` */
  readonly authority: string;
  readonly clientId: string;
  readonly folder: string;
  /** Of PostgreSQL, for programs that use one. */
  readonly connectionString?: string;
  /** A free port, for a library that cannot find one itself. */
  readonly port: number;
}

export const scopes = ['https://graph.microsoft.com/Files.ReadWrite.All'];

/** A way to get a token, written as in a program that uses it. */
export interface Client {
  /** What a program that runs for long has done before it needs a token: its database is open. */
  prepare?(): Promise<unknown>;
  /** Returns a token from the stored ones, without a user. Absent if it stores nothing. */
  token?(): Promise<string>;
  /** Signs in: calls `open` with the address for the browser, and stores the tokens before it resolves. */
  signIn(open: (url: string) => void): Promise<string>;
}

/**
 * `node PROGRAM MODE SITUATION`. Mode `token` prints a token and ends. The modes `token-when-told` and `sign-in-when-told` print
 * `{ "ready": true }`, do their work once for each line of stdin, and print a line of JSON for each event, with epoch milliseconds.
 */
export async function runProgram(make: (situation: Situation) => Client): Promise<void> {
  const [mode = '', situation = '{}'] = process.argv.slice(2);
  const client = make(JSON.parse(situation));
  const getToken = async (): Promise<string> => {
    if (!client.token) throw new Error('this program stores nothing');
    return client.token();
  };
  if (mode === 'token') {
    console.log(await getToken());
    return;
  }
  const open = (url: string): void => say({ open: url, at: now() });
  const work = mode === 'sign-in-when-told' ? () => client.signIn(open) : getToken;
  process.on('SIGUSR2', () => void sayHeldMemory());
  const { createInterface } = await import('node:readline');
  const lines = createInterface(process.stdin);
  if (mode === 'token-when-told') await client.prepare?.();
  say({ ready: true });
  for await (const _ of lines) {
    const started = now();
    try {
      const token = await work();
      say({ token, started, done: now() });
    } catch (error) {
      say({ failed: String(error), started, done: now() });
    }
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Bytes held after garbage collection. The resident size is no measure: the allocator keeps tens of megabytes for later. */
async function sayHeldMemory(): Promise<void> {
  let held = Number.POSITIVE_INFINITY;
  // A closed socket is freed some time later.
  for (let round = 0; round < 10; round++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { heapUsed, external } = process.memoryUsage();
    held = Math.min(held, heapUsed + external);
  }
  say({ held });
}
