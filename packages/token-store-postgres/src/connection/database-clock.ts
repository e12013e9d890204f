import type { TokenRecord } from 'token-store-kit';
import { Stopwatch } from './stopwatch.ts';

/** How far the database's clock is ahead of this host's, and by how much that may be wrong. */
export interface ClockOffset {
  readonly offsetMs: number;
  readonly errorMs: number;
}

/** How fast two clocks may drift apart: the rate at which NTP corrects a clock. */
const driftRate = 0.0005;

/**
 * A smaller difference between two clocks does not matter, and measuring it on a busy machine is not exact: the times are
 * then read back as they were written.
 */
const minShiftMs = 1_000;

const timeFields = [
  'expiresAt',
  'obtainedAt',
  'refreshExpiresAt',
  'refusedAt',
] as const satisfies (keyof TokenRecord)[];

/**
 * Compares this host's clock with the database's, by the answers of statements that say what time it is. A record's times are
 * those of the clock of the host that wrote it. Hosts whose clocks differ would not agree whether a token is valid.
 */
export class DatabaseClock {
  readonly #since = new Stopwatch();
  /** What the database's clock showed when the stopwatch was started. */
  #startMs = 0;
  #errorMs = Number.POSITIVE_INFINITY;
  #measuredAt = 0;

  /** By this clock's own stopwatch, which no change of the wall clock affects. */
  get elapsedMs(): number {
    return this.#since.elapsedMs;
  }

  /** Takes over an answer if it is more exact than what is known. `sentAt` is an earlier `elapsedMs`. */
  sync(databaseTimeMs: number, sentAt: number): void {
    const now = this.elapsedMs;
    const error = (now - sentAt) / 2;
    if (error > this.#errorMs + (now - this.#measuredAt) * driftRate) return;
    this.#startMs = databaseTimeMs - (sentAt + now) / 2;
    this.#errorMs = error;
    this.#measuredAt = now;
  }

  get offset(): ClockOffset {
    const now = this.elapsedMs;
    return {
      offsetMs: this.#startMs + now - Date.now(),
      // Date.now() is in whole milliseconds.
      errorMs: this.#errorMs + (now - this.#measuredAt) * driftRate + 1,
    };
  }

  /** The record as this host's clock would have it. Unchanged if the writer's clock showed nearly the same time. */
  toLocal(record: TokenRecord, writer: ClockOffset): TokenRecord {
    const { offsetMs, errorMs } = this.offset;
    const shift = Math.round(writer.offsetMs - offsetMs);
    if (!(Math.abs(shift) > Math.max(minShiftMs, writer.errorMs + errorMs))) return record;
    const local = { ...record };
    for (const field of timeFields) {
      const time = record[field];
      if (time !== undefined) local[field] = time + shift;
    }
    return local;
  }
}
