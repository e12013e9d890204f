/** How often each thing is measured. */
export interface Effort {
  /** Runs of each command whose whole process is timed. */
  readonly starts: number;
  /** Processes in which each subject signs in, and sign-ins in each process. */
  readonly signInProcesses: number;
  readonly signInsEach: number;
  /** Numbers of processes at expiry, and how often each number is measured. */
  readonly processes: readonly number[];
  readonly expiries: number;
  /** Writes of a record. */
  readonly writes: number;
  /** Reads of a record, in batches of 200. */
  readonly reads: number;
  readonly manyNames: number;
  /** Statements of each kind in PostgreSQL, and processes that share a token there. */
  readonly queries: number;
  readonly fleet: number;
  /** Runs of each task with Graph; calls, pages and megabytes in each run. */
  readonly graphRuns: number;
  readonly graphCalls: number;
  readonly graphPages: number;
  readonly graphMegabytes: number;
  readonly strays: number;
  readonly idleSockets: number;
  /** 0: does not run the long test of the handler. */
  readonly kills: number;
  /** Whether to measure `npm install`, which needs a registry. */
  readonly installs: boolean;
  /** Whether to run `pnpm test`. */
  readonly suite: boolean;
}

export const full: Effort = {
  starts: 40,
  signInProcesses: 8,
  signInsEach: 8,
  processes: [1, 8, 64],
  expiries: 5,
  writes: 600,
  reads: 400,
  manyNames: 100_000,
  queries: 400,
  fleet: 24,
  graphRuns: 3,
  graphCalls: 200,
  graphPages: 200,
  graphMegabytes: 250,
  strays: 10_000,
  idleSockets: 500,
  kills: 1_000,
  installs: true,
  suite: true,
};

/** Only to see that everything works. The numbers mean nothing. */
export const quick: Effort = {
  starts: 1,
  signInProcesses: 1,
  signInsEach: 2,
  processes: [1, 4],
  expiries: 1,
  writes: 20,
  reads: 20,
  manyNames: 1_000,
  queries: 20,
  fleet: 3,
  graphRuns: 1,
  graphCalls: 5,
  graphPages: 3,
  graphMegabytes: 3,
  strays: 200,
  idleSockets: 20,
  kills: 0,
  installs: false,
  suite: false,
};
