/** One example of each warning that `pnpm api` has to give. */
import type { Hidden } from './hidden.ts';

export function undocumented(): void {}

/** See {@link Nothing}. */
export function withBrokenLink(): void {}

/** Its type is not exported. */
export function withHiddenType(): Hidden {
  return { secret: '' };
}
