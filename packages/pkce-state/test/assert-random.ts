import * as assert from 'uvu/assert';
import { createState } from '../src/index.ts';

/** So many states look random: no two are the same, and no bit is set more often than not. */
export function assertRandom(draws: number): void {
  const seen = new Set<string>();
  const bits = new Uint32Array(256);
  for (let draw = 0; draw < draws; draw++) {
    const state = createState();
    seen.add(state);
    const bytes = Buffer.from(state, 'base64url');
    for (let bit = 0; bit < 256; bit++) {
      bits[bit] = (bits[bit] as number) + (((bytes[bit >> 3] as number) >> (bit & 7)) & 1);
    }
  }
  assert.is(seen.size, draws);
  for (const state of seen) if (!/^[\w-]{43}$/.test(state)) assert.unreachable(`${state.length} characters`);
  // Seven standard deviations: this fails by chance once in a billion runs.
  const tolerance = 7 * Math.sqrt(draws / 4);
  const skewed = [...bits].filter((count) => Math.abs(count - draws / 2) > tolerance);
  assert.equal(skewed, []);
}
