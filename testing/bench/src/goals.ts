/** The goals. Each run is compared with them. */
export const goals = {
  start: { what: 'command, start to a stored token ÷ `node -e 0`', most: 1.3, unit: '×' },
  memory: { what: '`getToken()` in memory', most: 1, unit: 'µs' },
  memoryRatio: { what: '`acquireTokenSilent()` of msal-node ÷ `getToken()` in memory', least: 50, unit: '×' },
  signIn: { what: 'sign-in with a scripted browser, without the time in the provider', most: 25, unit: 'ms' },
  signInPeers: { what: "that time ÷ the fastest peer's", most: 1, unit: '×' },
  expiryRequests: { what: 'refresh requests of 32 processes at expiry', most: 1, unit: '' },
  expiryWall: { what: 'wall time of 32 processes at expiry ÷ of one', most: 1.5, unit: '×' },
  replace: { what: 'durable `replace` ÷ the same statement in bare better-sqlite3', most: 1.1, unit: '×' },
  growth: { what: '`get` with 100,000 names ÷ with 10', most: 1.5, unit: '×' },
  packages: { what: 'packages that a user installs for the handler', most: 21, unit: '' },
  import: { what: 'import of the handler over bare Node', most: 10, unit: 'ms' },
  kills: {
    what: 'avoidably lost sign-ins, or damaged databases, after `kill -9` at 1,000 random moments',
    most: 0,
    unit: '',
  },
  strayCompletes: { what: 'sign-ins completed during 10,000 stray requests and 500 idle sockets', least: 1, unit: '' },
  strayMemory: { what: 'growth of held memory during those', most: 20, unit: 'MB' },
} as const satisfies Record<string, Goal>;

export interface Goal {
  readonly what: string;
  readonly most?: number;
  readonly least?: number;
  readonly unit: string;
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
  const met =
    value === undefined
      ? undefined
      : value <= (goal.most ?? Number.POSITIVE_INFINITY) && value >= (goal.least ?? Number.NEGATIVE_INFINITY);
  return { goal, value, met };
}
