import {
  findTables,
  packageName,
  schemaVersion,
  statementsFor,
} from '../../../../packages/token-store-postgres/src/statements.ts';

/** The statements that the model knows, those of the table oauth_token in the schema public. */
export const statements = statementsFor('public', 'oauth_token');

/** As the server sends it. */
export type Row = Readonly<Record<string, string | null>>;

/** Times are the server's, in ms. */
export interface Lease {
  readonly fence: number;
  readonly owner: string | null;
  readonly holder: string | null;
  readonly endsAt: number;
  readonly wantedUntil: number | null;
}

export interface StoredRecord {
  readonly record: string | null;
  readonly sealed: Buffer | null;
  readonly revision: string;
  readonly earlier: readonly string[];
}

/** Does what a statement does when it has the rows that it waited for, and returns what it answers. */
type Finish = (now: number) => Row[];
type Statement = (values: readonly unknown[], received: number) => Finish;

const bool = (value: boolean): string => (value ? 't' : 'f');

/**
 * The three tables of a store, and what each statement of token-store-postgres does to them: a statement is known by its text, which is
 * never read. model-contract.ts holds the answers against a real server. A statement sees the rows of the moment in which the server has
 * received it, and changes those of the moment in which it has locked them, as READ COMMITTED does. Nothing is encrypted, and no transaction
 * has two statements.
 */
export class Tables {
  readonly records = new Map<string, StoredRecord>();
  readonly leases = new Map<string, Lease>();
  /** What was sent by pg_notify, and not delivered yet. */
  readonly notices: string[] = [];

  /** @throws for a statement that is not known. */
  receive(text: string, values: readonly unknown[], received: number): Finish {
    const statement = this.#known[names.get(text) ?? ''];
    if (!statement) throw new Error(`the model of PostgreSQL does not know this statement:\n${text}`);
    return statement(values, received);
  }

  #take: Statement = ([name, owner, holder, leaseMs, askMs, ended, trusts], received) => {
    const [key, ask] = [name as string, askMs as number];
    const isFree = (lease: Lease): boolean =>
      lease.owner === null ||
      lease.owner === owner ||
      seenAs(lease) === ended ||
      (trusts === true && lease.endsAt <= received);
    const seen = this.leases.get(key);
    const record = this.records.get(key);
    const isLeftAlone = seen && !isFree(seen) && (ask === 0 || (seen.wantedUntil ?? 0) > received + ask);
    return () => {
      let taken: Lease | undefined;
      const old = this.leases.get(key);
      const mine = { owner: owner as string, holder: holder as string, endsAt: received + (leaseMs as number) };
      if (isLeftAlone) taken = undefined;
      else if (!old) taken = { ...mine, fence: 1, wantedUntil: null };
      else if (old.owner === owner) taken = { ...old, ...mine, endsAt: Math.max(old.endsAt, mine.endsAt) };
      else if (isFree(old)) taken = { ...old, ...mine, fence: old.fence + 1 };
      else if (ask > 0) taken = { ...old, wantedUntil: received + 1.4 * ask };
      if (taken) this.leases.set(key, taken);
      const endsAt = taken?.endsAt ?? seen?.endsAt;
      return [
        {
          taken: taken ? bool(taken.owner === owner) : null,
          fence: taken ? `${taken.fence}` : null,
          holder: taken?.holder ?? seen?.holder ?? null,
          owner: seen?.owner ?? null,
          seen: seen ? seenAs(seen) : null,
          left_ms: endsAt === undefined ? null : `${endsAt - received}`,
          revision: record?.revision ?? null,
          durable: null,
          salt: '',
        },
      ];
    };
  };

  #renew: Statement = ([name, owner, fence, leaseMs]) => {
    const isHeld = this.#isHeld(name, owner, fence);
    return (now) => (isHeld() && this.#extend(name, now + (leaseMs as number)) ? [{ durable: null }] : []);
  };

  #release: Statement = ([name, owner, topic], received) => {
    const key = name as string;
    const wasOwn = this.leases.get(key)?.owner === owner;
    return () => {
      const lease = this.leases.get(key);
      if (!wasOwn || !lease || lease.owner !== owner) return [];
      this.leases.set(key, { ...lease, owner: null, holder: null, endsAt: received });
      const isWanted = lease.wantedUntil !== null && lease.wantedUntil > received;
      if (isWanted) this.notices.push(`f${topic}`);
      const wantedMs = lease.wantedUntil === null ? null : `${lease.wantedUntil - received}`;
      return [{ wanted_ms: wantedMs, notified: isWanted ? '' : null }];
    };
  };

  #write: Statement = (values) => {
    const [name, record, sealed, revision, salt, base, owner, fence, leaseMs, topic] = values;
    const key = name as string;
    const seen = this.records.get(key);
    const isHeld = this.#isHeld(name, owner, fence);
    return (now) => {
      const fits = salt === null || (record === null && sealed === null);
      const held = owner == null || (isHeld() && this.#extend(name, now + (leaseMs as number)));
      const stored = this.records.get(key);
      const isBase = base == null ? stored === undefined : seen?.revision === base && stored?.revision === base;
      const isWritten = fits && held && isBase;
      const earlier = stored ? [stored.revision, ...stored.earlier].slice(0, 32) : [];
      if (isWritten) this.records.set(key, { record, sealed, revision, earlier } as StoredRecord);
      if (isWritten) this.notices.push(`w${topic} ${revision}`);
      const wasWritten = seen && [seen.revision, ...seen.earlier].includes(revision as string);
      return [
        {
          key_fits: bool(fits),
          held: bool(held),
          written: bool(isWritten),
          revision: seen?.revision ?? null,
          has_record: bool(seen !== undefined && hasRecord(seen)),
          was_written: wasWritten === undefined ? null : bool(wasWritten),
          durable: null,
          notified: isWritten ? '' : null,
        },
      ];
    };
  };

  /** Whether the lease is this one, when the statement was received and when it is asked. */
  #isHeld(name: unknown, owner: unknown, fence: unknown): () => boolean {
    const isNow = (): boolean => {
      const lease = this.leases.get(name as string);
      return lease !== undefined && lease.owner === owner && lease.fence === Number(fence);
    };
    const wasThen = isNow();
    return () => wasThen && isNow();
  }

  #extend(name: unknown, endsAt: number): boolean {
    const lease = this.leases.get(name as string) as Lease;
    this.leases.set(name as string, { ...lease, endsAt });
    return true;
  }

  /** A statement that only reads. */
  #reading(read: (values: readonly unknown[]) => Row[]): Statement {
    return (values) => {
      const rows = read(values);
      return () => rows;
    };
  }

  readonly #known: Record<string, Statement> = {
    take: this.#take,
    renew: this.#renew,
    release: this.#release,
    write: this.#write,
    read: this.#reading(([wanted]) =>
      (wanted as string[]).flatMap((name) => {
        const stored = this.records.get(name);
        return stored ? [{ name, ...textsOf(stored), revision: stored.revision }] : [];
      }),
    ),
    look: this.#reading(([wanted]) =>
      (wanted as string[]).map((name) => ({ name, revision: this.records.get(name)?.revision ?? null })),
    ),
    list: this.#reading(() => [...this.records].filter(([, stored]) => hasRecord(stored)).map(([name]) => ({ name }))),
    locks: ([owners]) => {
      const held = [...this.leases]
        .filter(([, { owner }]) => owner !== null && !(owners as string[]).includes(owner))
        .sort(([one], [other]) => (one < other ? -1 : 1));
      return (now) =>
        held.map(([name, lease]) => {
          const { holder, owner, endsAt } = lease;
          return { name, holder, owner, seen: seenAs(lease), left_ms: `${endsAt - now}` };
        });
    },
    meta: this.#reading(() => [{ package: packageName, version: `${schemaVersion}`, salt: null, verifier: null }]),
    // The answer of a pooler: no connection leads to the server process that answers.
    findTables: this.#reading(() => [{ schema: 'public', has_schema: 't', pid: null, found: '3' }]),
  };
}

/** By their texts. */
export const names = new Map<unknown, string>(
  Object.entries({ ...statements, findTables }).map(([name, text]) => [text, name]),
);

/** As the column `seen`: an epoch in seconds with six places. */
function seenAs({ owner, endsAt }: Lease): string | null {
  return owner === null ? null : `${owner} ${(endsAt / 1_000).toFixed(6)}`;
}

/** Whether it is not signed out. */
function hasRecord({ record, sealed }: StoredRecord): boolean {
  return record !== null || sealed !== null;
}

/** No key is in use here, so `meta` names only that. */
function textsOf({ record, sealed }: StoredRecord): Record<'record' | 'sealed' | 'key_named', string | null> {
  return { record, sealed: sealed ? sealed.toString('base64') : null, key_named: bool(sealed === null) };
}
