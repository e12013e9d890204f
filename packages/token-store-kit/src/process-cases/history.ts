/**
 * Decides whether the calls for one name are linearizable: each can have happened at one moment between its start and its end. The record
 * is a register with compare-and-swap, and the lock has one holder. The search is that of Wing and Gong ("Testing and verifying concurrent
 * objects", 1993). It visits no state twice, as Lowe proposed ("Testing for linearizability", 2017).
 */
import { type Call, gaveUp, lockLost, type Result } from './call.ts';

interface State {
  readonly token?: string | undefined;
  /** The task that had the lock last. */
  readonly task?: string | undefined;
  readonly isHeld: boolean;
}

/** The first violation and its time, or undefined. With a lease, a task may lose its lock, but has to know that at its end. */
export function findViolation(
  calls: readonly Call[],
  hasLease: boolean,
): { problem: string; time: number } | undefined {
  const history = calls.toSorted((a, b) => a.start - b.start);
  const isDone = history.map(() => false);
  const seen = new Set<string>();
  /** The furthest call that no order gets past. All calls that ended before it can have happened. */
  let deadEnd = { time: -1, call: undefined as Call | undefined, states: [] as State[] };

  /** Whether all calls that are not done can happen from this state on. */
  const canGoOn = (state: State): boolean => {
    const next: number[] = [];
    let firstEnd = Number.POSITIVE_INFINITY;
    const first = isDone.indexOf(false);
    let index = first;
    for (; index < history.length && start(index) <= firstEnd; index++) {
      if (isDone[index]) continue;
      next.push(index);
      firstEnd = Math.min(firstEnd, end(index));
    }
    if (firstEnd === Number.POSITIVE_INFINITY) return true;
    const key = `${first} ${isDone.slice(first, index).map(Number).join('')} ${JSON.stringify(state)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    // Tries calls without an answer last: mostly, they need not have happened.
    next.sort((a, b) => end(a) - end(b));
    for (const index of next) {
      const call = history[index] as Call;
      isDone[index] = true;
      const isAnswered = call.end !== undefined;
      for (const [result, after] of outcomes(call, state, hasLease)) {
        // A call without an answer that changes nothing need not have happened.
        if (isAnswered ? result !== call.result : after === state) continue;
        if (canGoOn(after)) return true;
      }
      isDone[index] = false;
    }
    const blocked = history[next[0] as number];
    if (firstEnd > deadEnd.time) deadEnd = { time: firstEnd, call: blocked, states: [] };
    if (blocked === deadEnd.call) deadEnd.states.push(state);
    return false;
  };
  const start = (index: number): number => history[index]?.start ?? 0;
  const end = (index: number): number => history[index]?.end ?? Number.POSITIVE_INFINITY;

  if (canGoOn({ isHeld: false })) return undefined;
  const { time, call, states } = deadEnd;
  return call && { problem: explain(call, states), time };
}

/** The possible results of the call in this state, each with the state after it. */
function outcomes(call: Call, state: State, hasLease: boolean): (readonly [Result, State])[] {
  const { task, kind, previous } = call;
  const { token } = state;
  if (kind === 'get') return [[token, state]];
  if (kind === 'acquire' && call.result === gaveUp) return [[gaveUp, state]];
  if (kind === 'acquire') return state.isHeld && !hasLease ? [] : [[undefined, { ...state, task, isHeld: true }]];
  if (kind === 'release' && call.isLost && state.task !== task) return [[undefined, state]];
  if (kind === 'release') return state.task === task ? [[undefined, { ...state, isHeld: false }]] : [];
  if (kind === 'SIGKILL') return holderOf(state) === call.pid ? [[undefined, { ...state, isHeld: false }]] : [];
  if (kind === 'SIGSTOP' || kind === 'SIGCONT') return [];
  // A write may come after its task: a store that does not know whether it has written keeps the lock for such a write.
  const isLost = task !== undefined && state.task !== task;
  const refused: (readonly [Result, State])[] = task !== undefined && hasLease ? [[lockLost, state]] : [];
  const isExpected = kind === 'set' || (kind === 'replace' ? token === previous : token !== undefined);
  if (!isExpected || (isLost && kind === 'replace')) return [...refused, [false, state]];
  if (isLost) return refused;
  return [...refused, [kind === 'set' ? undefined : true, { ...state, token: call.token }]];
}

function holderOf({ task = '' }: State): number {
  return Number.parseInt(task, 10);
}

/** Why this call is impossible in each of the states to which the earlier calls can have led. */
function explain(call: Call, states: readonly State[]): string {
  const { pid, kind, task } = call;
  const holder = `process ${states[0] && holderOf(states[0])}`;
  if (kind === 'acquire') {
    return `two processes ran a task for one name at once: process ${pid} began one before that of ${holder} had ended`;
  }
  if (kind === 'release')
    return `process ${pid} lost its lock to ${holder}, and the store did not report it before the task ended`;
  if (task !== undefined && kind !== 'get' && states.every((state) => state.task !== task)) {
    return `process ${pid} wrote without its lock, which ${holder} had`;
  }
  const stored = [...new Set(states.map(({ token }) => show(token)))].join(' or ');
  return `an update was lost: process ${pid} ${tell(call)}, but ${stored} was stored`;
}

/** The newest calls, one per line. */
export function describe(calls: readonly Call[]): string {
  const ms = (time: number): string => (time / 1e6).toFixed(2);
  const newest = calls.toSorted((a, b) => a.start - b.start).slice(-30);
  return newest
    .map((call) => `${ms(call.start)}${call.end ? ` to ${ms(call.end)}` : ''} ms: process ${call.pid} ${tell(call)}`)
    .join('\n');
}

function tell(call: Call): string {
  const { kind, token, previous, result, isLost } = call;
  const what = {
    get: call.end === undefined ? 'reads' : `reads ${show(result)}`,
    set: `writes ${show(token)}`,
    replace: `replaces ${show(previous)} with ${show(token)}`,
    delete: 'deletes the record',
    acquire: 'waits for the lock and begins a task',
    release: isLost ? 'ends its task, and knows that it lost the lock' : 'ends its task',
    SIGKILL: 'is killed (SIGKILL)',
    SIGSTOP: 'is stopped (SIGSTOP)',
    SIGCONT: 'goes on (SIGCONT)',
  }[kind];
  if (kind.startsWith('SIG')) return what;
  if (call.end === undefined) return `${what}, without an answer`;
  return kind === 'get' || result === undefined ? what : `${what}: ${result}`;
}

function show(token: unknown): string {
  return token === undefined ? 'no record' : JSON.stringify(token);
}
