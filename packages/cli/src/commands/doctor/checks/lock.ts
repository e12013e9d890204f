import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { realDatabase } from '../../../settings/private-json.ts';
import type { Check, Finding } from '../check.ts';

/** A refresh takes less. */
export const longestHoldMs = 3000;
const lookIntervalMs = 200;

interface HeldLock {
  readonly pid: number;
  /** What the lock is for. */
  readonly what: string;
}

/** Whether a process holds a lock of the database for longer than a refresh takes. Linux alone shows who holds a lock. */
export function checkLock(db: string): Check {
  return {
    name: 'lock',
    needs: ['database'],
    async run() {
      if (process.platform !== 'linux') return { ok: true, detail: 'this system does not show who holds a lock' };
      let held = findHeldLocks(realDatabase(db));
      for (const end = performance.now() + longestHoldMs; held.length > 0 && performance.now() < end; ) {
        await sleep(lookIntervalMs);
        const now = findHeldLocks(realDatabase(db));
        held = held.filter(({ pid, what }) => now.some((other) => other.pid === pid && other.what === what));
      }
      const [longest] = held;
      return longest ? describeHeld(longest) : { ok: true, detail: 'no process holds one' };
    },
  };
}

function describeHeld({ pid, what }: HeldLock): Finding {
  const { name, isStopped } = readProcess(pid);
  return {
    ok: false,
    detail: `process ${pid} (${name}${isStopped ? ', stopped' : ''}) holds the lock of ${what}`,
    remedy: isStopped
      ? `Let it go on: kill -CONT ${pid}. Or end it: kill -KILL ${pid}`
      : `Wait until it is done, or finish its sign-in. If it hangs, end it: kill ${pid}`,
  };
}

/** The locks that other processes hold now, by /proc/locks. */
function findHeldLocks(db: string): HeldLock[] {
  const files = lockFiles(db);
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .flatMap((line) => {
      // 1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF
      const [, pid, inode = ''] = /^\d+: +(?:POSIX|OFDLCK) +\w+ +WRITE +(-?\d+) +\w+:\w+:(\d+) /.exec(line) ?? [];
      const what = files.get(inode);
      return what === undefined || Number(pid) === process.pid ? [] : [{ pid: Number(pid), what }];
    });
}

/** The files that are locked, by their inode numbers: the database, and one beside it for each lock. */
function lockFiles(db: string): Map<string, string> {
  const prefix = `${basename(db)}-lock-`;
  const beside = readdirSync(dirname(db)).filter((name) => name.startsWith(prefix) && !name.endsWith('-queue'));
  const files = [
    [db, 'the database'],
    ...beside.map((name) => [join(dirname(db), name), lockName(name.slice(prefix.length))]),
  ];
  return new Map(
    files.flatMap(([file = '', what = '']) => {
      const inode = statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;
      return inode === undefined ? [] : [[String(inode), what] as const];
    }),
  );
}

/** The name of such a file ends with the name of its lock, in hexadecimal. */
function lockName(encoded: string): string {
  return describeLock(Buffer.from(encoded, 'hex').toString());
}

/** What a lock of that name is for. */
export function describeLock(name: string): string {
  const [signIn, app] = name.split('\u001f');
  return signIn === 'sign-in' && app !== undefined ? `a sign-in of ${app}` : `a refresh of ${name}`;
}

function readProcess(pid: number): { name: string; isStopped: boolean } {
  try {
    const [, name = 'unknown', state] = /^\d+ \((.*)\) (\w)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return { name, isStopped: state === 'T' || state === 't' };
  } catch {
    return { name: 'of another namespace', isStopped: false };
  }
}
