import type { GoalName } from './goals.ts';

/** A part of the report: what was measured, how, and what came out. */
export interface Section {
  readonly title: string;
  /** A paragraph on how it was measured. */
  readonly how: string;
  readonly columns: readonly string[];
  /** Cells as they are shown. */
  readonly rows: readonly (readonly string[])[];
  readonly results?: Partial<Record<GoalName, number>>;
  readonly chart?: Chart;
}

export interface Chart {
  /** Its name in docs, without the ending. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
  /** Where the values differ by orders of magnitude. */
  readonly logarithmic?: boolean;
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What is written at its end. Default: the value. */
  readonly text?: string;
  readonly ours: boolean;
}
