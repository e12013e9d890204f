/** How much is measured. */
export interface Effort {
  /** Runs of each command that is timed as a process. */
  readonly starts: number;
  /** Fresh processes that each subject signs in with, and sign-ins of each. */
  readonly signInProcesses: number;
  readonly signInsEach: number;
  /** How many processes at expiry, and how often. */
  readonly processes: readonly number[];
  readonly expiries: number;
  /** Writes of a record. */
  readonly writes: number;
  /** Reads of a record, in portions of 200. */
  readonly reads: number;
  readonly manyNames: number;
  readonly strays: number;
  readonly idleSockets: number;
  /** 0: the long test of the handler is not run. */
  readonly kills: number;
  /** Whether npm is asked to install, which takes a registry. */
  readonly installs: boolean;
}

export const full: Effort = {
  starts: 40,
  signInProcesses: 8,
  signInsEach: 8,
  processes: [1, 8, 32, 64],
  expiries: 5,
  writes: 600,
  reads: 400,
  manyNames: 100_000,
  strays: 10_000,
  idleSockets: 500,
  kills: 1_000,
  installs: true,
};

/** To see that everything still runs, not to learn numbers. */
export const quick: Effort = {
  starts: 3,
  signInProcesses: 1,
  signInsEach: 3,
  processes: [1, 4],
  expiries: 1,
  writes: 20,
  reads: 20,
  manyNames: 1_000,
  strays: 200,
  idleSockets: 20,
  kills: 0,
  installs: false,
};
