/** The goals. Each run is compared with them. */
export const goals = {
  start: { what: 'command, start to a stored token ÷ `node -e 0`', most: 1.25, unit: '×' },
  commandRefresh: {
    what: 'command, start to a refreshed token ÷ `node -e 0`',
    most: 3,
    unit: '×',
    ifMissed:
      'As for the handler, and 3 files of its own: the command has looked for a token that is still good before it loads the handler.',
  },
  handlerRefresh: {
    what: 'handler, start to a refreshed token ÷ `node -e 0`',
    most: 2.6,
    unit: '×',
    ifMissed:
      'It loads 7 files. A bare request by `node:http` takes 0.5 (to load the module is most of it), to open the database and read by better-sqlite3 0.2, two durable writes and the lock 0.2. ' +
      "Node's own SQLite would save most of the second, but it is experimental before Node 24.15, and two libraries in one process undo each other's locks.",
  },
  refreshPeers: {
    what: "that of the handler ÷ the fastest peer's",
    most: 0.5,
    unit: '×',
    ifMissed: 'See the row above: the start of Node alone is more than a third of the time.',
  },
  handlerStart: {
    what: 'handler, start to a stored token ÷ `node -e 0`',
    most: 1.8,
    unit: '×',
    ifMissed:
      'A bare program that opens the database and reads one row takes 1.46. The rest is what the handler checks before it trusts a row. It loads 5 files, which takes longer than to run them.',
  },
  status: {
    what: '`status` ÷ `node -e 0`',
    most: 2.3,
    unit: '×',
    ifMissed:
      'It loads 10 files, with the handler and the store: it opens the database as every command does that may have to explain what is wrong.',
  },
  list: { what: '`list` ÷ `node -e 0`', most: 2.3, unit: '×' },
  version: { what: '`--version` ÷ `node -e 0`', most: 1.7, unit: '×' },
  help: { what: '`--help` ÷ `node -e 0`', most: 1.8, unit: '×' },
  exec: {
    what: '`exec -- true` with a stored token ÷ (`node -e 0` and `true`)',
    most: 1.5,
    unit: '×',
    ifMissed:
      'Node cannot replace itself by the command: it has to start a child and to wait for it, which loads `child_process` (40 modules of Node) and watches signals. Its own files are 3.',
  },
  import: { what: 'import of the handler over bare Node', most: 10, unit: 'ms' },
  memory: { what: '`getToken()` in memory', most: 1, unit: 'µs' },
  memoryRatio: { what: '`acquireTokenSilent()` of msal-node ÷ `getToken()` in memory', least: 50, unit: '×' },
  signInStart: {
    what: "sign-in with the start of the process ÷ the fastest peer's",
    most: 0.8,
    unit: '×',
    ifMissed:
      'The peers wait for no disk and take no lock. PKCE is made while the sockets open, and nothing waits for the last socket to close.',
  },
  signInRunning: {
    what: "sign-in in a running program ÷ the fastest peer's",
    most: 1.7,
    unit: '×',
    ifMissed:
      'Two locks and a durable write, which no peer has: with a plain file and no lock, the handler takes the time in its second row below.',
  },
  expiryRequests: { what: 'refresh requests of 64 processes at expiry', most: 1, unit: '' },
  expiryPeers: {
    what: "wall time of 64 processes at expiry ÷ the Python class's 64, which get 1 token",
    most: 1,
    unit: '×',
    ifMissed:
      'The Python class takes no lock and waits for nothing: 63 of its 64 processes lose the sign-in. Ours wait for the one that refreshes, and all get its token.',
  },
  replace: { what: 'durable `replace` ÷ the same statement in bare better-sqlite3', most: 1.1, unit: '×' },
  growth: { what: '`get` of 100,000 names in no order ÷ bare better-sqlite3', most: 1.1, unit: '×' },
  fleetRequests: { what: 'refresh requests of 24 processes at expiry, with PostgreSQL', most: 1, unit: '' },
  packages: { what: 'packages that a user installs for the handler', most: 21, unit: '' },
  kills: {
    what: 'avoidably lost sign-ins, or damaged databases, after `kill -9` at 1,000 random moments',
    most: 0,
    unit: '',
  },
  strayCompletes: { what: 'sign-ins completed during 10,000 stray requests and 500 idle sockets', least: 1, unit: '' },
  strayMemory: { what: 'growth of held memory during those', most: 5, unit: 'MB' },
  suite: {
    what: '`pnpm test` on 2 cores, no test skipped',
    most: 75,
    unit: 's',
    ifMissed: 'Several test files run at a time; what is left is the processor time of the programs that they start.',
  },
} as const satisfies Record<string, Goal>;

export interface Goal {
  readonly what: string;
  readonly most?: number;
  readonly least?: number;
  readonly unit: string;
  /** Why it is hard, and what was tried: shown if it is missed. */
  readonly ifMissed?: string;
}

export type GoalName = keyof typeof goals;

/** A goal and its result. */
export interface Verdict {
  readonly goal: Goal;
  /** Undefined if it was not measured. */
  readonly value: number | undefined;
  readonly met: boolean | undefined;
}

export function judge(name: GoalName, value: number | undefined): Verdict {
  const goal: Goal = goals[name];
  // What failed to be measured is no number, and counts as missed.
  const met =
    value === undefined
      ? undefined
      : value <= (goal.most ?? Number.POSITIVE_INFINITY) && value >= (goal.least ?? Number.NEGATIVE_INFINITY);
  return { goal, value, met };
}
