import { type Defect, patch } from './defect.ts';

/** Mistakes in the lease of token-store-postgres, and in what is written under it. Those in its SQL are in `statement-defects.ts`. */
export const leaseDefects: readonly Defect[] = [
  {
    name: 'counts the lease from the answer, not from the request',
    patches: [
      patch(
        'lock/locks.ts',
        "return new Lease(claim, row.fence ?? '', since);",
        "return new Lease(claim, row.fence ?? '', new Stopwatch());",
      ),
    ],
    within: 300,
  },
  {
    name: 'counts a renewal from its answer',
    patches: [
      patch(
        'lock/lease.ts',
        '      else this.renewed(since);\n    } catch',
        '      else this.renewed(new Stopwatch());\n    } catch',
      ),
    ],
    within: 20_000,
  },
  {
    name: 'counts the renewal by a write from its answer',
    patches: [
      patch(
        'records/record-table.ts',
        "if (row.held === 't') lease?.renewed(since);",
        "if (row.held === 't') lease?.renewed(new Stopwatch());",
      ),
    ],
    within: 1000,
  },
  {
    name: 'takes a refused write for a renewal',
    patches: [
      patch('records/record-table.ts', "if (row.held === 't') lease?.renewed(since);", 'lease?.renewed(since);'),
      patch('postgres-token-store.ts', "      if (outcome === 'lock-lost') lease?.lose();\n", ''),
    ],
    within: 20_000,
  },
  {
    name: 'counts its lease by a clock that stands still while the machine sleeps',
    patches: [
      patch(
        'lock/lease.ts',
        'return Math.max(performance.now() - this.#start, (uptime() - this.#startUptime) * 1_000);',
        'return performance.now() - this.#start + 0 * (uptime() - this.#startUptime);',
      ),
    ],
    within: 1000,
  },
  {
    name: 'leaves the end of its lease to a timer',
    patches: [
      patch(
        'lock/lease.ts',
        '    this.check();\n    return this.#controller.signal;',
        '    return this.#controller.signal;',
      ),
    ],
    within: 3000,
  },
  {
    name: 'does not look at the clock after a read',
    patches: [patch('postgres-token-store.ts', '      this.#locks.leaseFor(name)?.check();\n', '')],
    within: 300,
  },
  {
    name: 'takes a renewal that changed nothing for one',
    patches: [
      patch(
        'lock/lease.ts',
        'if (rows.length === 0) this.lose();\n      else this.renewed(since);',
        'void rows;\n      this.renewed(since);',
      ),
    ],
    within: 20_000,
  },
  {
    name: 'does not renew',
    patches: [patch('lock/lease.ts', 'Math.min(leaseTimeMs * share, leftMs)', 'Math.max(leaseTimeMs * share, leftMs)')],
    within: 20,
  },
  {
    name: 'releases a lock although its last write did not get through',
    patches: [patch('lock/lease.ts', '    if (this.isOwing) return 0;\n', '')],
    within: 1000,
  },
  {
    name: 'takes a lease that it has seen before it has ended',
    patches: [
      patch(
        'lock/locks.ts',
        'const ended = sighting && sighting.endsAt <= performance.now() ? sighting.lease : null;',
        'const ended = sighting ? sighting.lease : null;',
      ),
    ],
    within: 20,
  },
  {
    name: 'takes a notification for the end of the lease',
    patches: [
      patch(
        'lock/locks.ts',
        '      since = new Stopwatch();\n      attempt.isTold = false;',
        '      since = new Stopwatch();\n      const { isTold } = attempt;\n      attempt.isTold = false;',
      ),
      patch(
        'lock/locks.ts',
        'sighting && sighting.endsAt <= performance.now() ?',
        'sighting && (isTold || sighting.endsAt <= performance.now()) ?',
      ),
    ],
    within: 20,
  },
  {
    name: 'compares leases with the clock of the server at each try',
    patches: [patch('lock/locks.ts', 'ended, leftMs === 0];', 'ended, true];')],
    within: 100,
  },
  {
    name: 'never compares a lease with the clock of the server',
    patches: [patch('lock/locks.ts', 'ended, leftMs === 0];', 'ended, false];')],
    within: 1000,
  },
  {
    name: 'waits as long as the clock of the server says',
    patches: [
      patch(
        'lock/sighting.ts',
        'leaseTimeMs > 0 ? Math.min(Math.max(left, leaseTimeMs * leastWaitShare), leaseTimeMs) : left',
        'leaseTimeMs > 0 ? Math.max(left, leaseTimeMs * leastWaitShare) : left',
      ),
    ],
    within: 3000,
  },
  {
    name: 'takes a lease at once that the clock of the server has ended',
    patches: [patch('lock/sighting.ts', 'Math.max(left, leaseTimeMs * leastWaitShare)', 'left + 0 * leastWaitShare')],
    within: 100,
  },
  {
    name: 'waits anew for a lease with each look',
    patches: [patch('lock/sighting.ts', '  if (before && before.lease === seen) return before;\n', '  void before;\n')],
    within: 100,
  },
  {
    name: 'takes a lease that was renewed for the one that it has seen',
    patches: [
      patch(
        'lock/sighting.ts',
        'if (before && before.lease === seen) return before;',
        'if (before) return { lease: seen, endsAt: before.endsAt };',
      ),
    ],
    within: 20,
  },
  {
    name: 'writes although its lock was lost',
    patches: [
      patch(
        'records/record-table.ts',
        'const fence = [lease?.claim.owner, lease?.fence, lease?.claim.leaseTimeMs];',
        'const fence = [undefined, undefined, lease?.claim.leaseTimeMs];',
      ),
    ],
    within: 1000,
  },
  {
    name: 'deletes although its lock was lost',
    patches: [
      patch(
        'postgres-token-store.ts',
        'this.#records.delete(name, lease)',
        'this.#records.delete(name, lease && undefined)',
      ),
    ],
    within: 1000,
  },
  {
    name: 'sets although its lock was lost',
    patches: [
      patch(
        'postgres-token-store.ts',
        'this.#records.set(name, checked, lease)',
        'this.#records.set(name, checked, lease && undefined)',
      ),
    ],
    within: 20_000,
  },
  {
    name: 'says that nothing was written although only the answer was lost',
    patches: [patch('connection/retry.ts', '      isLost ||= isUnanswered(error);\n', '')],
    within: 20_000,
  },
  {
    name: 'does not repeat a write whose answer was lost',
    patches: [
      patch(
        'connection/retry.ts',
        'const isAgain = kinds.has(Object(error)) || isDown',
        'const isAgain = (!isLost && kinds.has(Object(error))) || (isDown && !isLost)',
      ),
    ],
    within: 20_000,
  },
  {
    name: 'repeats a replace over what another caller has written',
    patches: [
      patch(
        'records/record-table.ts',
        '(found.revision ?? undefined) !== base;',
        '(found.revision ?? undefined) !== base && found.revision === null;',
      ),
    ],
    within: 20,
  },
  {
    name: 'compares the token with none if the record is not known',
    patches: [patch('records/record-table.ts', "      if (version?.token !== previous) return 'not-written';\n", '')],
    within: 20,
  },
  {
    name: 'repeats a write that is done, under what came after it',
    patches: [
      patch(
        'records/record-table.ts',
        "found.written === 't' || found.was_written === 't';",
        "found.written === 't' || found.revision === revision;",
      ),
    ],
    within: 100,
  },
  {
    name: 'gives each try of a write a revision of its own',
    patches: [
      patch(
        'records/record-table.ts',
        "    const revision = randomBytes(12).toString('base64url');\n    let base = first;",
        "    let revision = '';\n    let base = first;",
      ),
      patch(
        'records/record-table.ts',
        '      const run = (limits: Limits): Promise<Row> => {\n',
        "      const run = (limits: Limits): Promise<Row> => {\n        revision = randomBytes(12).toString('base64url');\n",
      ),
    ],
    within: 20,
  },
  {
    name: 'takes another sign-in than the one it knew for one that came after its write',
    patches: [
      patch(
        'records/record-table.ts',
        "found.written === 't' || found.was_written === 't';",
        "found.written === 't' || found.was_written === 't' || (round > 0 && found.revision !== base);",
      ),
    ],
    within: 20,
  },
  {
    name: 'keeps the lock that comes after its caller has given up',
    patches: [patch('lock/locks.ts', '    if (lease instanceof Lease) await lease.release();\n', '    void lease;\n')],
    within: 20,
  },
  {
    name: 'acts for a later call of its process by a statement that arrives late',
    patches: [
      patch(
        'lock/locks.ts',
        'readonly #callers = new CallerQueue();',
        "readonly #callers = new CallerQueue();\n  readonly #id = randomBytes(15).toString('base64url');",
      ),
      patch('lock/locks.ts', "{randomBytes(15).toString('base64url')}:", '{this.#id}:'),
    ],
    within: 20_000,
  },
  {
    name: 'relies on notifications alone',
    patches: [
      patch(
        'lock/watcher.ts',
        'return this.isTold ? listenIntervalMs : pollIntervalMs;',
        'return this.isTold ? 1_000 * listenIntervalMs : pollIntervalMs;',
      ),
    ],
    within: 20_000,
  },
  {
    name: 'takes what was read before it has listened for the newest',
    patches: [patch('lock/watcher.ts', 'if (sentAt >= this.#lookAnewAt) this', 'void sentAt;\n    this')],
    within: 20_000,
  },
  {
    name: 'does not wake a caller that waits for the lock',
    patches: [
      patch(
        'lock/watcher.ts',
        "if (head.startsWith('f')) for (const { wake } of this.#waitsFor('lock', topic)) wake();",
        "if (head.startsWith('f')) return;",
      ),
    ],
    within: 20,
  },
  {
    name: 'looks again and again although nobody waits',
    patches: [patch('lock/watcher.ts', ' || oldest === Number.POSITIVE_INFINITY) return;', ') return;')],
    within: 20,
  },
  {
    name: 'does not look at the record again while it waits',
    patches: [
      patch(
        'lock/watcher.ts',
        '      this.#isLooking = false;\n      this.listenSoon();\n      this.#schedule();',
        '      this.#isLooking = false;\n      this.listenSoon();',
      ),
    ],
    within: 20_000,
  },
  {
    name: 'takes the lock again at once although others want it',
    patches: [
      patch('lock/locks.ts', 'this.#wanted.set(lease.claim.name, performance.now() + giveWay);', 'void giveWay;'),
    ],
    within: 20_000,
  },
  {
    name: 'gives a read the rows of a statement that was sent before it',
    patches: [
      patch('records/row-reader.ts', '      close();\n      return [[...names]];', '      return [[...names]];'),
    ],
    within: 20_000,
  },
  {
    name: 'goes on with a connection whose statement was given up',
    patches: [
      patch(
        'connection/database.ts',
        '      if (failed) destroySocket(client);\n      client.release(failed);',
        '      client.release();',
      ),
    ],
    within: 20_000,
  },
  {
    name: 'forgets to give a turn back when a statement was given up',
    patches: [
      patch(
        'connection/database.ts',
        'if (ending) void ending.then(() => this.#slots.release());',
        'if (ending) void ending;',
      ),
    ],
    within: 20_000,
  },
  {
    name: 'tries for ever',
    patches: [
      patch('connection/retry.ts', 'if (!isAgain || performance.now() + pauseMs >= deadline) {', 'if (!isAgain) {'),
    ],
    within: 20_000,
  },
  {
    name: 'gives each try of a call a deadline of its own',
    patches: [
      patch(
        'connection/retry.ts',
        'return await work({ deadline,',
        'return await work({ deadline: Math.max(deadline, deadlineIn()),',
      ),
    ],
    within: 20_000,
  },
];
