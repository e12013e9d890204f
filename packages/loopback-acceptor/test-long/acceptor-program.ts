import { type Program, runProgram } from '../test/run-program.ts';

/** A program that waits for its sign-in, in a process of its own, so that nobody else's memory is in the numbers. */
export interface AcceptorProgram extends AsyncDisposable {
  readonly redirectUri: string;
  readonly port: number;
  /** Resident memory after garbage collection, in bytes. */
  measure(): Promise<number>;
  /** The code, once it has arrived. */
  code(): Promise<string>;
  readonly ended: Program['ended'];
}

export async function startAcceptorProgram(state: string): Promise<AcceptorProgram> {
  const program = runProgram(
    `
    const acceptor = await openAcceptor({ state: ${JSON.stringify(state)}, maxStrayRequests: Infinity });
    process.on('SIGUSR2', async () => {
      // V8 gives pages back some time after it collected them.
      let least = Infinity;
      for (let round = 0; round < 10; round++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 100));
        least = Math.min(least, process.memoryUsage.rss());
      }
      console.log(least);
    });
    const accepted = acceptor.accept();
    console.log(acceptor.redirectUri);
    const { code } = await accepted;
    console.log(code);
  `,
    // Under any load V8 lets its young generation grow to 64 MB and more, which says nothing about the program.
    { nodeOptions: ['--expose-gc', '--max-semi-space-size=1'] },
  );
  const redirectUri = await program.nextLine();
  return {
    redirectUri,
    port: Number(new URL(redirectUri).port),
    measure: async () => {
      process.kill(program.pid, 'SIGUSR2');
      return Number(await program.nextLine());
    },
    code: () => program.nextLine(),
    ended: program.ended,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
