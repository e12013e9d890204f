import type { TokenRecord } from '../token-record.ts';

/** How a process makes its turn. */
export interface Plan {
  readonly by: 'set' | 'replace';
  /** How long it pauses before its write, and again after it, in milliseconds. */
  readonly pauseMs: number;
}

/** `refused`: `replace` has returned false. */
export type Outcome = 'written' | 'refused' | 'lock-lost';

interface Read {
  /** The refresh token that was stored. */
  readonly token: string | undefined;
  /** Whether the rest of the record belongs to it. */
  readonly isWhole: boolean;
}

/** What a process says: `ready` at first, `swap` before each turn, the others during it, `fail` if the store has thrown. */
export type Step =
  | { readonly step: 'ready' }
  | ({ readonly step: 'swap'; readonly isWritten: boolean } & Read)
  | { readonly step: 'begin' }
  | ({ readonly step: 'read' } & Read)
  | { readonly step: 'write'; readonly outcome: Outcome }
  | { readonly step: 'end'; readonly isLost: boolean }
  | { readonly step: 'fail'; readonly problem: string };

/** What a process writes that has read `previous`: one more, and who wrote it, so that no two write the same. */
export function tokenAfter(previous: string | undefined, pid: number): string {
  return `${countOf(previous) + 1} by process ${pid}`;
}

/** The record with this refresh token. It is so long that a store may be killed in the middle of it. */
export function recordOf(refreshToken: string): TokenRecord {
  const count = countOf(refreshToken);
  return { refreshToken, accessToken: `${refreshToken}, `.repeat(10 + ((count * 7_919) % 500)), expiresAt: count };
}

function countOf(token = '0'): number {
  return Number.parseInt(token, 10);
}
