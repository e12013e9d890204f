import type { Program } from 'testing-authority/start-program';
import { runProgram } from '../test/run-program.ts';

/** A program that waits for its sign-in. A process of its own, so that only its memory is measured. */
export interface AcceptorProgram {
  readonly redirectUri: string;
  readonly port: number;
  /** The bytes that the program holds after garbage collection, on the heap and as buffers. */
  measure(): Promise<number>;
  /** The code, once it has arrived. */
  code: Program['line'];
  readonly ended: Program['ended'];
}

export async function startAcceptorProgram(state: string): Promise<AcceptorProgram> {
  const program = runProgram(
    `
    const acceptor = await openAcceptor({ state: ${JSON.stringify(state)}, maxStrayRequests: Infinity });
    process.on('SIGUSR2', async () => {
      // Node releases sockets some time after they were closed.
      let least = Infinity;
      for (let round = 0; round < 10; round++) {
        gc();
        await new Promise((resolve) => setTimeout(resolve, 100));
        const { heapUsed, external } = process.memoryUsage();
        least = Math.min(least, heapUsed + external);
      }
      console.log(least);
    });
    const accepted = acceptor.accept();
    console.log(acceptor.redirectUri);
    const { code } = await accepted;
    console.log(code);
  `,
    { nodeOptions: ['--expose-gc'] },
  );
  const redirectUri = `${await program.line()}`;
  return {
    redirectUri,
    port: Number(new URL(redirectUri).port),
    measure: async () => {
      process.kill(program.pid, 'SIGUSR2');
      return Number(await program.line());
    },
    code: program.line,
    ended: program.ended,
  };
}
