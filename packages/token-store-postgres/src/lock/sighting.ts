import type { Row } from '../connection/database.ts';

/**
 * The least share of a lease for which a caller waits since it has seen it first, or first again after the database was away: a holder that
 * lives renews it in this time, or writes what it has got. So a lease that had ended long before is taken a little later.
 */
const leastWaitShare = 1 / 2;

/** Another call's lease, as a caller has seen it. */
export interface Sighting {
  readonly lease: string | null | undefined;
  /** If it is not renewed, by `performance.now()`. */
  readonly endsAt: number;
}

/** A lease lasts no longer than it says itself, even if the clock of the server was set. `before`: how it was seen the time before. */
export function seeLease({ owner, seen, left_ms: leftMs }: Row, before?: Sighting): Sighting {
  if (before && before.lease === seen) return before;
  const leaseTimeMs = Number(/:([\d.]+)$/.exec(owner ?? '')?.[1] ?? Number.NaN);
  const left = Math.max(Number(leftMs), 0);
  const waitMs = leaseTimeMs > 0 ? Math.min(Math.max(left, leaseTimeMs * leastWaitShare), leaseTimeMs) : left;
  return { lease: seen, endsAt: performance.now() + waitMs };
}
