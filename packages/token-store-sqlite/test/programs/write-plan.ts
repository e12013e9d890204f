import type { TokenRecord } from '../../src/index.ts';

export interface PlannedWrite {
  readonly name: string;
  readonly kind: 'set' | 'replace' | 'delete';
  /** What is stored for the name after the write. */
  readonly record: TokenRecord | undefined;
}

/**
 * The nth write of a program that is killed at some moment. The test calls this as well, to know what may be stored
 * then.
 */
export function plannedWrite(number: number): PlannedWrite {
  const name = `app${number % 5}`;
  if (number % 7 === 6) return { name, kind: 'delete', record: undefined };
  const record = {
    refreshToken: `refresh-${number}-${'r'.repeat((number * 7_919) % 3_000)}`,
    accessToken: `access-${number}-${'a'.repeat((number * 104_729) % 9_000)}`,
    expiresAt: number,
  };
  return { name, kind: number % 2 === 0 ? 'set' : 'replace', record };
}
