/** The pauses between two tries to write. Each is twice the one before. */
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;

/** Writes a record that could not be written again and again, because there may be no next call. */
export class SaveTimer {
  /** Resolves with true if there is something left to write. */
  readonly #save: () => Promise<boolean>;
  readonly #runDetached: <T>(call: () => T) => T;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** `runDetached` runs a function outside of the async context of the store's tasks. */
  constructor(save: () => Promise<boolean>, runDetached: <T>(call: () => T) => T) {
    this.#save = save;
    this.#runDetached = runDetached;
  }

  /** Begins anew with the shortest pause. It does not keep the process alive. */
  start(pauseMs: number = firstPauseMs): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const again = async (): Promise<void> => {
      if (await this.#save()) this.start(Math.min(2 * pauseMs, longestPauseMs));
    };
    // A store takes what a task started for its part, and refuses the writes of a task whose lock was lost.
    this.#timer = this.#runDetached(() => setTimeout(again, pauseMs).unref());
  }

  /** For good. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}
