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
  /** Rows of the table at the top of the page. */
  readonly headlines?: readonly Headline[];
}

/** What a visitor wants to know first: one number for us and for each peer, by the name of the subject. */
interface Headline {
  readonly what: string;
  /** Whether it comes before the others. Default false. */
  readonly first?: boolean;
  readonly cells: Readonly<Record<string, string>>;
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
