import { type Defect, defect } from './defect.ts';

/** Mistakes in the lease of token-store-postgres, and in what is written under it. Those in its SQL are in `statement-defects.ts`. */
export const leaseDefects: readonly Defect[] = [
  defect('counts the lease from the answer, not from the request', 1000, [
    'lock/locks.ts',
    'lease.renewed(since);',
    'void since;\n      lease.renewed(new Stopwatch());',
  ]),
  defect('counts a renewal from its answer', 20_000, [
    'lock/lease.ts',
    '      else this.renewed(since);\n    } catch',
    '      else this.renewed(new Stopwatch());\n    } catch',
  ]),
  defect('counts the renewal by a write from its answer', 1000, [
    'records/record-table.ts',
    "if (found.held === 't') lease?.renewed(since);",
    "if (found.held === 't') lease?.renewed(new Stopwatch());",
  ]),
  defect(
    'takes a refused write for a renewal',
    20_000,
    ['records/record-table.ts', "if (found.held === 't') lease?.renewed(since);", 'lease?.renewed(since);'],
    ['postgres-token-store.ts', "      if (outcome === 'lock-lost') lease?.lose();\n", ''],
  ),
  defect('counts its lease by a clock that stands still while the machine sleeps', 1000, [
    'lock/lease.ts',
    'return Math.max(performance.now() - this.#start, (uptime() - this.#startUptime) * 1_000);',
    'return performance.now() - this.#start + 0 * (uptime() - this.#startUptime);',
  ]),
  defect('leaves the end of its lease to a timer', 3000, [
    'lock/lease.ts',
    '    this.check();\n    return this.#controller.signal;',
    '    return this.#controller.signal;',
  ]),
  defect('does not look at the clock after a read', 1000, [
    'postgres-token-store.ts',
    '      this.#locks.leaseFor(name)?.check();\n',
    '',
  ]),
  defect('takes a renewal that changed nothing for one', 20_000, [
    'lock/lease.ts',
    'if (rows.length === 0) this.lose();\n      else this.renewed(since);',
    'void rows;\n      this.renewed(since);',
  ]),
  defect('does not renew', 20, [
    'lock/lease.ts',
    'Math.min(this.leaseTimeMs * share, leftMs)',
    'Math.max(this.leaseTimeMs * share, leftMs)',
  ]),
  defect('releases a lock although its last write did not get through', 1000, [
    'lock/lease.ts',
    '    if (this.isOwing) return 0;\n',
    '',
  ]),
  defect('takes a lease that it has seen before it has ended', 20, [
    'lock/locks.ts',
    'const ended = sighting && sighting.endsAt <= performance.now() ? sighting.lease : null;',
    'const ended = sighting ? sighting.lease : null;',
  ]),
  defect(
    'takes a notification for the end of the lease',
    20,
    [
      'lock/locks.ts',
      '      since = new Stopwatch();\n      attempt.isTold = false;',
      '      since = new Stopwatch();\n      const { isTold } = attempt;\n      attempt.isTold = false;',
    ],
    [
      'lock/locks.ts',
      'sighting && sighting.endsAt <= performance.now() ?',
      'sighting && (isTold || sighting.endsAt <= performance.now()) ?',
    ],
  ),
  defect('compares leases with the clock of the server at each try', 100, [
    'lock/locks.ts',
    'ended, leftMs === 0];',
    'ended, true];',
  ]),
  defect('never compares a lease with the clock of the server', 1000, [
    'lock/locks.ts',
    'ended, leftMs === 0];',
    'ended, false];',
  ]),
  defect('waits as long as the clock of the server says', 3000, [
    'lock/lease.ts',
    'leaseTimeMs ? Math.min(Math.max(left, leaseTimeMs * leastWaitShare), leaseTimeMs) : left',
    'leaseTimeMs ? Math.max(left, leaseTimeMs * leastWaitShare) : left',
  ]),
  defect('takes a lease at once that the clock of the server has ended', 100, [
    'lock/lease.ts',
    'Math.max(left, leaseTimeMs * leastWaitShare)',
    'left + 0 * leastWaitShare',
  ]),
  defect('waits anew for a lease with each look', 100, [
    'lock/lease.ts',
    '  if (before && before.lease === seen) return before;\n',
    '  void before;\n',
  ]),
  defect('takes a lease that was renewed for the one that it has seen', 20, [
    'lock/lease.ts',
    'if (before && before.lease === seen) return before;',
    'if (before) return { ...before, lease: seen };',
  ]),
  defect('writes although its lock was lost', 1000, [
    'records/record-table.ts',
    'const fence = [lease?.owner, lease?.fence, lease?.leaseTimeMs];',
    'const fence = [undefined, undefined, lease?.leaseTimeMs];',
  ]),
  defect('deletes although its lock was lost', 1000, [
    'postgres-token-store.ts',
    'this.#records.delete(name, lease)',
    'this.#records.delete(name, lease && undefined)',
  ]),
  defect('sets although its lock was lost', 20_000, [
    'postgres-token-store.ts',
    'this.#records.set(name, checked, lease)',
    'this.#records.set(name, checked, lease && undefined)',
  ]),
  defect('says that nothing was written although only the answer was lost', 20_000, [
    'connection/retry.ts',
    '      isLost ||= unanswered.has(failure);\n',
    '',
  ]),
  defect('does not repeat a write whose answer was lost', 20_000, [
    'connection/retry.ts',
    'if (!mayPass ||',
    'if (isLost || !mayPass ||',
  ]),
  defect('repeats a replace over what another caller has written', 20, [
    'records/record-table.ts',
    '(found.revision ?? undefined) !== base;',
    '(found.revision ?? undefined) !== base && found.revision === null;',
  ]),
  defect('compares the token with none if the record is not known', 20, [
    'records/record-table.ts',
    'while (version?.token === previous) {',
    'for (;;) {',
  ]),
  defect('repeats a write that is done, under what came after it', 1000, [
    'records/record-table.ts',
    "found.written === 't' || found.was_written === 't';",
    "found.written === 't' || found.revision === revision;",
  ]),
  defect(
    'gives each try of a write a revision of its own',
    20,
    [
      'records/record-table.ts',
      "    const revision = randomBytes(12).toString('base64url');",
      "    let revision = '';",
    ],
    [
      'records/record-table.ts',
      '      const values = (): unknown[] => {\n',
      "      const values = (): unknown[] => {\n        revision = randomBytes(12).toString('base64url');\n",
    ],
  ),
  defect('takes another sign-in than the one it knew for one that came after its write', 20, [
    'records/record-table.ts',
    "found.written === 't' || found.was_written === 't';",
    "found.written === 't' || found.was_written === 't' || (base !== write.base && found.revision !== base);",
  ]),
  defect('keeps the lock that comes after its caller has given up', 20, [
    'lock/locks.ts',
    'if (await taking?.catch(',
    'if (await taking?.then(() => false).catch(',
  ]),
  defect(
    'acts for a later call of its process by a statement that arrives late',
    100,
    [
      'lock/lease.ts',
      '/** The lease of one call',
      `const owners = new WeakMap<Context, string>();
const newOwner = (): string => randomBytes(15).toString('base64url');
const ownerOf = (context: Context) => owners.get(context) ?? owners.set(context, newOwner()).get(context);
/** The lease of one call`,
    ],
    ['lock/lease.ts', "{randomBytes(15).toString('base64url')}:", '{ownerOf(context)}:'],
  ),
  defect('relies on notifications alone', 20_000, [
    'lock/watcher.ts',
    'return this.#isTold ? listenIntervalMs : pollIntervalMs;',
    'return this.#isTold ? 1_000 * listenIntervalMs : pollIntervalMs;',
  ]),
  defect('takes what was read before it has listened for the newest', 20_000, [
    'lock/watcher.ts',
    'if (sentAt >= this.#lookAnewAt) this',
    'void sentAt;\n    this',
  ]),
  defect('does not wake a caller that waits for the lock', 20, [
    'lock/watcher.ts',
    "if (head.startsWith('f')) for (const { wake } of this.#waitsFor('lock', topic)) wake();",
    "if (head.startsWith('f')) return;",
  ]),
  defect('looks again and again although nobody waits', 100, [
    'lock/watcher.ts',
    ' || oldest === Number.POSITIVE_INFINITY) return;',
    ') return;',
  ]),
  defect('does not look at the record again while it waits', 20_000, [
    'lock/watcher.ts',
    '      this.#isLooking = false;\n      this.listenSoon();\n      this.#schedule();',
    '      this.#isLooking = false;\n      this.listenSoon();',
  ]),
  defect('takes the lock again at once although others want it', 20_000, [
    'lock/locks.ts',
    'this.#giveWay.set(name, performance.now() + giveWay);',
    'void giveWay;',
  ]),
  defect('gives a read the rows of a statement that was sent before it', 20_000, [
    'records/row-reader.ts',
    '      close();\n      return [[...names]];',
    '      return [[...names]];',
  ]),
  defect('goes on with a connection whose statement was given up', 20_000, [
    'connection/database.ts',
    '        if (hasFailed) discard(client);\n        else client.release();',
    '        client.release();',
  ]),
  defect('forgets to give a turn back when a statement was given up', 20_000, [
    'connection/database.ts',
    'if (canceling) void canceling.then(() => this.#slots.release());',
    'if (canceling) void canceling;',
  ]),
  defect('tries for ever', 20_000, ['connection/retry.ts', ' || performance.now() + pauseMs >= deadline) {', ') {']),
  defect('gives each try of a call a deadline of its own', 20_000, [
    'connection/retry.ts',
    'unhurried : { deadline,',
    'unhurried : { deadline: Math.max(deadline, deadlineIn()),',
  ]),
];
