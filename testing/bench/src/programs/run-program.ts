/** What a program is told by the bench: who to talk to, and where to keep what it stores. */
export interface Situation {
  /** The authority's `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** `${origin}/consumers` */
  readonly authority: string;
  readonly clientId: string;
  readonly folder: string;
  /** A free port, for those that can't pick one themselves. */
  readonly port: number;
}

export const scopes = ['https://graph.microsoft.com/Files.ReadWrite.All'];

/** One way to get a token, as a program that uses it would be written. */
export interface Client {
  /** From what is stored, without a person. */
  token?(): Promise<string>;
  /** By a browser, which `open` is told the address for. The tokens are stored before it resolves. */
  signIn(open: (url: string) => void): Promise<string>;
}

/**
 * `node PROGRAM MODE SITUATION`. Mode `token` prints a token and ends. `token-when-told` and `sign-in-when-told` say `ready`, do
 * their work once for each line of stdin, and print a line of JSON for everything that happens, with epoch milliseconds.
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

/** Bytes held after garbage collection. The resident size moves by tens of megabytes with what the allocator keeps for later. */
async function sayHeldMemory(): Promise<void> {
  let held = Number.POSITIVE_INFINITY;
  // Sockets are let go of some time after they were closed.
  for (let round = 0; round < 10; round++) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const { heapUsed, external } = process.memoryUsage();
    held = Math.min(held, heapUsed + external);
  }
  say({ held });
}
