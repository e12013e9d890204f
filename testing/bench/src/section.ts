import type { GoalName } from './goals.ts';

/** A part of the report: what was measured, how, and the results. */
export interface Section {
  readonly title: string;
  /** A paragraph about how it was measured. */
  readonly how: string;
  readonly columns: readonly string[];
  /** The cells, as text. */
  readonly rows: readonly (readonly string[])[];
  readonly results?: Partial<Record<GoalName, number>>;
  readonly chart?: Chart;
}

export interface Chart {
  /** The name of its file in docs, without `bench-` and the ending. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
  /** For values that differ by orders of magnitude. */
  readonly logarithmic?: boolean;
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The text at its end. Default: the value. */
  readonly text?: string;
  readonly ours: boolean;
}
