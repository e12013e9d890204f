import { AsyncLocalStorage } from 'node:async_hooks';
import { acquireLock } from './acquire-lock.ts';
import type { DatabaseFile } from './database-file.ts';
import { pause } from './pause.ts';
import { TokenStoreError } from './token-store-error.ts';
import { WaitingLine } from './waiting-line.ts';

export interface ExclusiveRequest {
  readonly appName: string;
  /** The database whose lock it is. */
  readonly database: DatabaseFile;
  /** Milliseconds. */
  readonly timeout: number;
  /** The first that aborts ends the wait with its reason. */
  readonly signals: readonly AbortSignal[];
}

/** A task that runs, and the one it runs within. */
interface Hold {
  readonly lockPath: string;
  readonly outer: Hold | undefined;
  ended: boolean;
}

const holds = new AsyncLocalStorage<Hold>();
/** Per lock, those of this process who wait while another of them has its turn, in the order they came. */
const queues = new Map<string, (() => void)[]>();

/** See `SqliteTokenStore.exclusively`. */
export async function runExclusively<T>(request: ExclusiveRequest, task: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + request.timeout;
  const lockPath = lockPathOf(request);
  const outer = holds.getStore();
  for (let hold = outer; hold; hold = hold.outer) {
    if (hold.lockPath === lockPath && !hold.ended) {
      throw new TypeError(
        `exclusively(${JSON.stringify(request.appName)}) was called within a task of exclusively for the same name, which would wait for itself. Do the work in the outer task`,
      );
    }
  }

  await takeTurn(lockPath, deadline, request);
  try {
    const release = await acquireLock({ lockPath, database: request.database, deadline, signals: request.signals });
    if (!release) throw busy(request, new WaitingLine(lockPath, request.database).read().holder?.pid);
    const hold: Hold = { lockPath, outer, ended: false };
    try {
      return await holds.run(hold, task);
    } finally {
      hold.ended = true;
      release();
    }
  } finally {
    passTurn(lockPath);
  }
}

/** Bytes of an app name that a file can be named after. */
const shortName = 32;

/** Any string can be an app name, so the file is named after its bytes, or, where they are many, after their hash. */
function lockPathOf({ database, appName }: ExclusiveRequest): string {
  const bytes = Buffer.from(appName);
  return `${database.path}-lock-${bytes.length > shortName ? sha256(bytes).slice(0, 32) : bytes.toString('hex')}`;
}

/** Loaded where it is used: crypto takes longer than all the rest of taking a lock. */
function sha256(bytes: Uint8Array): string {
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(bytes).digest('hex');
}

async function takeTurn(lockPath: string, deadline: number, request: ExclusiveRequest): Promise<void> {
  const queue = queues.get(lockPath);
  if (!queue) {
    queues.set(lockPath, []);
    return;
  }
  const woken = await pause(deadline - performance.now(), request.signals, (wake) => {
    queue.push(wake);
    return () => {
      const place = queue.indexOf(wake);
      if (place >= 0) queue.splice(place, 1);
    };
  });
  if (!woken) throw busy(request, new WaitingLine(lockPath, request.database).read().holder?.pid ?? process.pid);
}

function passTurn(lockPath: string): void {
  const next = queues.get(lockPath)?.shift();
  if (next) next();
  else queues.delete(lockPath);
}

function busy({ appName, database, timeout }: ExclusiveRequest, pid: number | undefined): TokenStoreError {
  const holder =
    pid === undefined ? 'another process' : pid === process.pid ? `this process (${pid})` : `process ${pid}`;
  return new TokenStoreError(
    'STORE_BUSY',
    database.path,
    `${holder} is working with the tokens of ${JSON.stringify(appName)} and was not done within ${timeout} ms. Try again; if it hangs, end it`,
    pid === undefined ? {} : { pid },
  );
}
