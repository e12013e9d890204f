/** One thing that a store has to do. */
export interface ContractCase {
  /** A sentence that is true of a store that passes. */
  readonly name: string;
  /**
   * Ends within seconds. If the sentence is not true of the store, rejects with an `AssertionError` of node:assert or
   * with the store's own error.
   */
  run(): Promise<void>;
}
