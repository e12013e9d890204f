import type { Patch } from '../machine/load-package.ts';

/**
 * A mistake in shared-token's protocol, as other lines in the place of some of its own. If you change lines that a defect quotes,
 * change the quotation as well. If a mistake cannot be made any more, delete it.
 */
export interface Defect {
  /** What the wrong code does. */
  readonly name: string;
  readonly patches: readonly Patch[];
  /** So many schedules from seed 1 on. Or the short test of shared-token of that name, if that takes more than 20,000 schedules. */
  readonly foundBy: number | string;
}

/** Each edit is a file of the package, lines of it as they stand there, once, and what stands in their place. */
export function defect(
  name: string,
  foundBy: number | string,
  ...edits: readonly (readonly [file: string, from: string, to: string])[]
): Defect {
  return { name, foundBy, patches: edits.map(([file, from, to]) => ({ file, from, to })) };
}
