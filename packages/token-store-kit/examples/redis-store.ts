import { AsyncLocalStorage } from 'node:async_hooks';
import { type createClient, ErrorReply } from '@redis/client';
import {
  CallerQueue,
  checkRecord,
  checkText,
  type ExclusivelyOptions,
  type Lock,
  lockHeldError,
  pause,
  readExclusivelyOptions,
  settled,
  type TokenRecord,
  type TokenStore,
  TokenStoreError,
} from 'token-store-kit';

/** What has to happen at once is a script: Redis runs nothing else meanwhile. A nil reply is null. */
const scripts = {
  /** KEYS: lock, counter. ARGV: milliseconds. Returns the number of this lock, its fence, or nil if another caller has the lock. */
  acquire: `
    if redis.call('EXISTS', KEYS[1]) == 1 then return nil end
    local fence = redis.call('INCR', KEYS[2])
    redis.call('SET', KEYS[1], fence, 'PX', ARGV[1])
    return tostring(fence)`,
  /** KEYS: lock. ARGV: fence, milliseconds. */
  renew: `
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
  /** KEYS: lock. ARGV: fence. */
  release: `
    if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
    return redis.call('DEL', KEYS[1])`,
  /** KEYS: records, lock. ARGV: name, fence or nothing, mode, the token that is compared, record. */
  write: `
    if ARGV[2] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[2] then return 'lock-lost' end
    local stored = redis.call('HGET', KEYS[1], ARGV[1])
    if ARGV[3] == 'delete' and not stored then return 'unchanged' end
    if ARGV[3] == 'insert' and stored then return 'unchanged' end
    if ARGV[3] == 'swap' then
      local record = stored and cjson.decode(stored) or {}
      if (record.refreshToken or record.accessToken) ~= ARGV[4] then return 'unchanged' end
    end
    if ARGV[3] == 'delete' then redis.call('HDEL', KEYS[1], ARGV[1])
    else redis.call('HSET', KEYS[1], ARGV[1], ARGV[5]) end
    return 'written'`,
};

/** How long a command may wait for its answer. */
const answerTimeoutMs = 5_000;

export interface RedisStoreOptions {
  /** Begins the name of each key. What is in braces is hashed by a cluster, so that all keys are on one node. Default `{oauth}:`. */
  prefix?: string;
  /** How long a lock outlives its process, in milliseconds. Default 15,000. */
  leaseTime?: number;
}

/**
 * Keeps token records in Redis, for many machines. The lock is a key that expires after `leaseTime`, and that its holder renews. A
 * holder that was stopped for longer may go on while another one has the lock: a write within a task names the fence of its lock,
 * and is refused if that is not the newest any more.
 *
 * Redis has to keep what it has confirmed, or a rotated refresh token is lost: set `appendonly yes` and `appendfsync always`. A
 * replica that takes over may lack the last writes. The tokens are not encrypted: TokenCipher of token-store-kit does that.
 */
export class RedisStore implements TokenStore {
  readonly #client: Pick<ReturnType<typeof createClient>, 'eval' | 'hGet' | 'hKeys'>;
  readonly #prefix: string;
  readonly #leaseTimeMs: number;
  readonly #queue = new CallerQueue();
  /** The fences of the tasks that the caller is within, by name. */
  readonly #fences = new AsyncLocalStorage<ReadonlyMap<string, string>>();

  /** The client stays the caller's, who connects and closes it. */
  constructor(
    client: ReturnType<typeof createClient>,
    { prefix = '{oauth}:', leaseTime = 15_000 }: RedisStoreOptions = {},
  ) {
    this.#client = client;
    this.#prefix = prefix;
    this.#leaseTimeMs = leaseTime;
  }

  async get(name: string): Promise<TokenRecord | undefined> {
    checkText(name, 'name');
    const stored = await answer(this.#client.hGet(this.#records, name));
    if (stored === null) return undefined;
    try {
      return checkRecord(JSON.parse(stored));
    } catch {
      // Without a cause: the message of a SyntaxError quotes the record.
      const problem = `The record of ${JSON.stringify(name)} in Redis is damaged`;
      throw new TokenStoreError('STORE_CORRUPT', problem, { reason: 'damaged', remedy: 'Sign in again' });
    }
  }

  async set(name: string, record: TokenRecord): Promise<void> {
    await this.#write(name, 'set', { record });
  }

  async replace(name: string, previous: string | undefined, record: TokenRecord): Promise<boolean> {
    if (previous === undefined) return this.#write(name, 'insert', { record });
    checkText(previous, 'previous');
    return this.#write(name, 'swap', { previous, record });
  }

  async delete(name: string): Promise<boolean> {
    return this.#write(name, 'delete');
  }

  async list(): Promise<string[]> {
    const names = await answer(this.#client.hKeys(this.#records));
    return names
      .map((name) => Buffer.from(name))
      .sort(Buffer.compare)
      .map(String);
  }

  async exclusively<T>(name: string, task: (lock: Lock) => Promise<T>, options?: ExclusivelyOptions): Promise<T> {
    const { timeout, signal } = readExclusivelyOptions(task, options);
    const end = performance.now() + timeout;
    const acquireAndRun = async (): Promise<T> => {
      const lease = await this.#acquire(name, end, signal);
      if (!lease) throw lockHeldError(name, timeout, {});
      const fences = new Map(this.#fences.getStore()).set(name, lease.fence);
      try {
        signal?.throwIfAborted();
        return await this.#fences.run(fences, () => task({ signal: lease.signal }));
      } finally {
        // What the task has left running writes without the lock.
        fences.delete(name);
        await lease.end();
      }
    };
    return this.#queue.run(name, acquireAndRun, { timeout, signal });
  }

  get #records(): string {
    return `${this.#prefix}records`;
  }

  #lockOf(name: string): string {
    return `${this.#prefix}lock:${name}`;
  }

  /** Asks about every 50 ms. undefined: the lock was not free before `end`. */
  async #acquire(name: string, end: number, signal: AbortSignal | undefined) {
    const [lock, counter] = [this.#lockOf(name), `${this.#prefix}fence`];
    for (;;) {
      const asked = performance.now();
      const fence = await this.#run('acquire', [lock, counter], [`${this.#leaseTimeMs}`]);
      if (fence !== null) {
        const lease = this.#keep(lock, String(fence), asked);
        if (lease.isSafe()) return lease;
        // The answer came late, because this process was stopped, for example.
        await lease.end();
      }
      const left = end - performance.now();
      if (left <= 0) return undefined;
      await pause(Math.min(left, 25 + 50 * Math.random()), [signal]);
    }
  }

  /** Renews a lock that was asked for at `asked`. Its signal aborts before the lock may have expired. */
  #keep(lock: string, fence: string, asked: number) {
    const leaseTimeMs = this.#leaseTimeMs;
    const lost = new AbortController();
    let safeUntil = asked + 0.7 * leaseTimeMs;
    const isSafe = (): boolean => performance.now() < safeUntil;
    const renew = async (): Promise<void> => {
      const started = performance.now();
      const isRenewed = await this.#run('renew', [lock], [fence, `${leaseTimeMs}`]);
      if (isRenewed === 1) safeUntil = started + 0.7 * leaseTimeMs;
      else lost.abort(lockLost());
    };
    const timer = setInterval(() => {
      if (isSafe())
        renew().catch(() => {}); // The next one may succeed.
      else lost.abort(lockLost());
    }, leaseTimeMs / 5);
    const end = async (): Promise<void> => {
      clearInterval(timer);
      // Otherwise it expires.
      await this.#run('release', [lock], [fence]).catch(() => {});
    };
    return { fence, signal: lost.signal, isSafe, end };
  }

  /** False if the stored record is not the one that the mode expects. */
  async #write(
    name: string,
    mode: 'set' | 'insert' | 'swap' | 'delete',
    { previous = '', record }: { previous?: string; record?: TokenRecord } = {},
  ): Promise<boolean> {
    checkText(name, 'name');
    const text = mode === 'delete' ? '' : JSON.stringify(checkRecord(record as TokenRecord));
    const fence = this.#fences.getStore()?.get(name) ?? '';
    const outcome = await this.#run('write', [this.#records, this.#lockOf(name)], [name, fence, mode, previous, text]);
    if (outcome === 'lock-lost' && (mode === 'set' || mode === 'delete')) throw lockLost();
    return outcome === 'written';
  }

  #run(script: keyof typeof scripts, keys: string[], args: string[]): Promise<unknown> {
    return answer(this.#client.eval(scripts[script], { keys, arguments: args }));
  }
}

/** What Redis answers. Its failures become those of a store, whose callers decide by `code` and `reason`. */
async function answer<T>(command: Promise<T>): Promise<T> {
  if (!(await settled(command, answerTimeoutMs))) throw unreachable();
  try {
    return await command;
  } catch (cause) {
    const [code] = cause instanceof ErrorReply ? cause.message.split(' ') : [];
    if (code === undefined || code === 'LOADING' || code === 'CLUSTERDOWN') throw unreachable(cause);
    if (code === 'OOM') throw new TokenStoreError('STORE_FULL', 'Redis has no memory left', { cause });
    if (code === 'READONLY') {
      throw new TokenStoreError('STORE_READONLY', 'This Redis is a replica', { reason: 'read-only-server', cause });
    }
    throw new TokenStoreError('STORE_OPEN', `Redis refused a command (${code})`, { cause });
  }
}

function unreachable(cause?: unknown): TokenStoreError {
  return new TokenStoreError('STORE_OPEN', 'Redis does not answer', {
    reason: 'unreachable',
    remedy: 'Try again',
    cause,
  });
}

function lockLost(): TokenStoreError {
  const problem = 'The lock in Redis could not be kept until the task had ended';
  return new TokenStoreError('STORE_BUSY', problem, { reason: 'lock-lost', remedy: 'Try again' });
}
