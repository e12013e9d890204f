import type { SignInStatus } from 'onedrive-token-handler';
import { openTokenSource } from '../../../session/open-token-source.ts';
import type { Command } from '../../../settings/command.ts';
import type { Check } from '../check.ts';

/** With ONEDRIVE_TOKEN_SOCKET: whether the `serve` at its other end answers. It knows the sign-in, and needs the database. */
export function checkSocket(socket: string, readStatus: () => Promise<SignInStatus>): Check {
  return {
    name: 'socket',
    async run() {
      await readStatus();
      return { ok: true, detail: `${socket} answers` };
    },
  };
}

/** Asks the server once. */
export function statusReader(command: Command): () => Promise<SignInStatus> {
  let status: Promise<SignInStatus> | undefined;
  const ask = async (): Promise<SignInStatus> => {
    await using session = await openTokenSource(command, { interactive: false });
    return await session.handler.status();
  };
  return () => {
    status ??= ask();
    return status;
  };
}
