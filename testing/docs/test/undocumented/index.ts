/** What `pnpm api` has to complain of, once each. */
import type { Hidden } from './hidden.ts';

export function undocumented(): void {}

/** See {@link Nothing}. */
export function withBrokenLink(): void {}

/** Gives what nobody can name. */
export function withHiddenType(): Hidden {
  return { secret: '' };
}
