/** What the process's exit status means: fixed, scripts rely on it. */
export const exitStatus = {
  done: 0,
  failed: 1,
  usage: 2,
  signInNeeded: 3,
  denied: 4,
  timedOut: 5,
  /** The network or a server: worth retrying. */
  unavailable: 6,
  database: 7,
} as const;
