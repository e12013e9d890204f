import type { TokenRecord } from 'shared-token';
import type { Access, Call, Fact, Family, Instance, RefreshCall, RefreshToken, Trouble, Window } from './facts.ts';
import type { Machine, Process } from './machine/machine.ts';

/** Everything that happened, in the shape that the invariants ask for. It judges nothing. */
export class History {
  readonly machine: Machine;
  readonly families: Family[] = [];
  readonly refreshTokens = new Map<string, RefreshToken>();
  readonly accesses = new Map<string, Access>();
  readonly instances: Instance[] = [];
  readonly refreshCalls: RefreshCall[] = [];
  readonly windows: Window[] = [];
  readonly troubles = new Set<Trouble>();
  /** For each name: what the store has. */
  readonly stored = new Map<string, TokenRecord>();
  /** For each name: the step since which it has that sign-in. */
  readonly storedSince = new Map<string, number>();
  /** For each record that was stored: when another one took its place, by the machine's clock. */
  readonly replacedAtMs = new Map<TokenRecord, number>();
  /** For each name: the sign-in that has to be in the store until a sign-out or a newer one. */
  readonly owed = new Map<string, Family>();
  /** For each name: how many sign-outs are under way. */
  readonly signingOut = new Map<string, number>();
  /** Processes that do not know what became of one of their writes. */
  readonly hadNoAnswer = new Set<Process>();
  /** Processes of which a call of the store never settles. */
  readonly wasSilentTo = new Set<Process>();
  /** The step in which each process has written last. */
  readonly lastWrite = new Map<Process, number>();
  /** What each process has read last. */
  readonly lastRead = new Map<Process, TokenRecord | undefined>();
  refreshAheadMs = 0;
  expirySkewMs: number | undefined;
  /** Whether everything was mended, for the last calls. */
  isCalm = false;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Whether there was trouble of one of these kinds. */
  had(...troubles: Trouble[]): boolean {
    return troubles.some((trouble) => this.troubles.has(trouble));
  }

  familyOf(record: TokenRecord | undefined): Family | undefined {
    if (record?.refreshToken !== undefined) return this.refreshTokens.get(record.refreshToken)?.family;
    return this.accesses.get(record?.accessToken ?? '')?.family;
  }

  /** Of this process, something went wrong while an answer of the provider was on its way into the store. */
  excuse(process: Process, why: string): void {
    for (const call of this.refreshCalls) {
      if (call.instance.process === process && call.brought && call.brought.storedAt === undefined) call.excuse ??= why;
    }
  }

  /** Of the facts that change what is known. */
  record(fact: Fact): void {
    switch (fact.type) {
      case 'refresh-called':
        this.refreshCalls.push(fact.call);
        break;
      case 'person-asked':
        this.windows.push(fact.window);
        break;
      case 'revoke-called': {
        const family = this.familyOf(fact.record);
        if (family) family.wasRevoked = true;
        break;
      }
      case 'written':
        this.#written(fact);
        break;
      case 'deleted': {
        this.#replace(fact.name, undefined);
        const family = this.familyOf(fact.before);
        if (family) family.signedOut = { by: fact.by, step: this.machine.steps };
        break;
      }
      case 'event':
        this.#told(fact);
        break;
      case 'call-settled': {
        const { instance, token, startedAt } = fact.call;
        const isOfNow = !instance.isClosed && !instance.triedSignOuts.some((step) => step >= startedAt);
        if (token && isOfNow) instance.given = token;
        break;
      }
      case 'calm':
        this.isCalm = true;
        break;
      default:
    }
  }

  #told({ instance, event }: Extract<Fact, { type: 'event' }>): void {
    if (event.type === 'store-failed') {
      instance.hasSaidStoreFailed = true;
      // The lock is released then.
      this.excuse(instance.process, 'the store failed');
    }
    if (event.type !== 'refresh-failed') return;
    const last = this.refreshCalls.findLast((call) => call.instance === instance);
    if (last) last.toldAt = this.machine.steps;
  }

  #written({ name, record, by }: Extract<Fact, { type: 'written' }>): void {
    const { steps } = this.machine;
    if (!by && steps > 0) this.troubles.add('foreign');
    if (by) this.lastWrite.set(by, steps);
    const family = this.familyOf(record);
    if (this.familyOf(this.stored.get(name)) !== family) this.storedSince.set(name, steps);
    this.#replace(name, record);
    const access = this.accesses.get(record.accessToken ?? '');
    if (access) access.storedAt ??= steps;
    if (!family) return;
    family.wasStored = true;
    if (family.signedOut) family.excuse ??= 'a late write stored it again after a sign-out';
    delete family.signedOut;
    family.wasRevoked = false;
    if (record.clientId === undefined) family.isBare = true;
    else if (family.isBare) family.clientId = record.clientId;
    // The person wants it gone, even if the sign-out fails.
    const { instance, openedAt = 0 } = family.window ?? {};
    const isUnwanted = instance?.triedSignOuts.some((startedAt) => startedAt >= openedAt);
    if (!this.signingOut.get(name) && !isUnwanted) this.owed.set(name, family);
  }

  #replace(name: string, record: TokenRecord | undefined): void {
    const before = this.stored.get(name);
    if (before) this.replacedAtMs.set(before, this.machine.now);
    if (record) this.stored.set(name, record);
    else this.stored.delete(name);
  }

  /** A sign-out of this instance began. */
  signOutBegan(signingOut: Instance): void {
    const { name, triedSignOuts } = signingOut;
    triedSignOuts.push(this.machine.steps);
    signingOut.given = undefined;
    this.signingOut.set(name, (this.signingOut.get(name) ?? 0) + 1);
    this.owed.delete(name);
    // Even if the sign-out fails: the person wants it gone, and what was not stored yet is dropped.
    for (const { name: other, process } of this.instances) if (other === name) this.excuse(process, 'a sign-out');
  }

  signOutEnded(instance: Instance, call: Call): void {
    const { name } = instance;
    // What was in memory until now was given out while it was under way.
    instance.given = undefined;
    this.signingOut.set(name, (this.signingOut.get(name) ?? 1) - 1);
    if (call.error === undefined) instance.signOuts.push(call.startedAt);
  }
}
