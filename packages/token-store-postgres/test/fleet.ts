import type { PostgresTokenStoreOptions } from '../src/index.ts';
import { type Program, startProgram } from './start-program.ts';
import type { StrictProvider } from './strict-provider.ts';

export interface MemberOptions {
  readonly store: PostgresTokenStoreOptions;
  readonly provider: StrictProvider;
  /** A key that it knows besides. */
  readonly newKey?: Uint8Array;
  readonly interactive?: boolean;
  readonly refreshTimeout?: number;
  readonly pausesMs?: readonly [before: number, after: number];
  /** A command that starts it on another host. */
  readonly prefix?: readonly string[];
}

/** Starts a process of the fleet. It is ready when this resolves. */
export async function startMember({ provider, prefix, newKey, ...member }: MemberOptions): Promise<Program> {
  const program = startProgram(
    'fleet-member',
    { ...member, provider: provider.url, newKey: newKey && [...newKey] },
    prefix,
  );
  const line = await program.line();
  if (line !== 'ready') throw new Error(`a member did not start: ${line} ${(await program.ended).errors}`);
  return program;
}

/** What each member prints after this command. */
export async function tellAll(members: readonly Program[], command: string): Promise<(string | undefined)[]> {
  for (const member of members) member.tell(command);
  return Promise.all(members.map((member) => member.line()));
}
