import { streams } from '../machine/choices.ts';
import { epoch, type Machine, type Process } from '../machine/machine.ts';
import { type Row, statements, Tables } from './tables.ts';

export interface Query {
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** What the server has just done for a statement of a process, or for a repetition of it. */
export interface Effect {
  readonly process: Process;
  readonly values: readonly unknown[];
  /** When a lease begins that it writes, by the machine's clock. */
  readonly beginsAt: number;
  readonly before: ReturnType<ModelServer['rowsOf']>;
  readonly after: ReturnType<ModelServer['rowsOf']>;
}

/** What becomes of one statement. Delays are ms. */
export interface Course {
  readonly requestMs: number;
  /** For a locked row. */
  readonly waitMs: number;
  readonly answerMs: number;
  /** `lost`: the connection breaks instead of the answer; `silent`: nothing comes; else a SQLSTATE that the server refuses it with. */
  readonly end: 'answered' | 'lost' | 'silent' | '55P03' | '57014' | '40001';
  readonly arrives: boolean;
  /** The statement arrives again after so long. */
  readonly againMs: number | undefined;
}

const plain: Course = { requestMs: 0, waitMs: 0, answerMs: 0, end: 'answered', arrives: true, againMs: undefined };
const latencies = [0, 1, 30, 400];
const delays = [100, 1_500, 3_000, 12_000, 25_000];
/** As pg-pool's `connectionTimeoutMillis`, which the README asks for. */
export const connectTimeoutMs = 4_000;

/** A connection as the server sees it. */
interface Client {
  readonly process: Process;
  tell(notice: string): void;
  breakDown(): void;
}

/** One PostgreSQL server, and the network between it and the processes. */
export class ModelServer {
  readonly machine: Machine;
  readonly tables = new Tables();
  faultOneIn: number;
  /** How far its clock is off. */
  clockOffsetMs = 0;
  isDown = false;
  /** No fault happens any more. */
  isCalm = false;
  /** When the last trouble was over, or will be, by the machine's clock. */
  troubleUntil = 0;
  readonly connections = new Set<Client>();
  onEffect: (effect: Effect) => void = () => {};
  onSent: (process: Process, text: string, values: readonly unknown[]) => void = () => {};

  constructor(machine: Machine, faultOneIn: number) {
    this.machine = machine;
    this.faultOneIn = faultOneIn;
  }

  get now(): number {
    return epoch + this.machine.now + this.clockOffsetMs;
  }

  rowsOf(name: string) {
    return { lease: this.tables.leases.get(name), stored: this.tables.records.get(name) };
  }

  trouble(milliseconds: number): void {
    this.troubleUntil = Math.max(this.troubleUntil, this.machine.now + milliseconds);
  }

  /** Ends all connections of a process, or of all. */
  cut(process?: Process): void {
    this.trouble(0);
    for (const connection of [...this.connections])
      if (!process || connection.process === process) connection.breakDown();
  }

  /** Does the statement when it has waited for its rows. */
  execute(process: Process, { text, values = [] }: Query, waitMs: number, then: (rows: Row[]) => void): void {
    const { machine, tables } = this;
    const name = String(values[0]);
    const received = machine.now;
    const finish = tables.receive(text, values, this.now);
    const run = (): void => {
      const before = this.rowsOf(name);
      const rows = finish(this.now);
      const beginsAt = text === statements.take ? received : machine.now;
      this.onEffect({ process, values, beginsAt, before, after: this.rowsOf(name) });
      for (const notice of tables.notices.splice(0)) for (const client of this.connections) client.tell(notice);
      then(rows);
    };
    if (waitMs === 0) run();
    else machine.later(undefined, waitMs, '', run);
  }

  chooseCourse(): Course {
    const { choices } = this.machine;
    const latency = (): number => latencies[choices.weighted(streams.network, [9, 3, 2, 1])] as number;
    if (this.isCalm) return plain;
    if (!this.#hasFault()) return { ...plain, requestMs: latency(), answerMs: latency() };
    const delay = delays[choices.below(streams.network, delays.length)] as number;
    this.trouble(delay);
    switch (choices.below(streams.network, 8)) {
      case 0:
        return { ...plain, arrives: false, end: 'lost' };
      case 1:
        return { ...plain, end: 'lost' };
      case 2:
        return { ...plain, requestMs: delay };
      case 3:
        return { ...plain, answerMs: delay };
      case 4:
        return { ...plain, againMs: delay, end: choices.isRare(streams.network, 2) ? 'lost' : 'answered' };
      case 5:
        return { ...plain, arrives: choices.isRare(streams.network, 2), end: 'silent' };
      case 6:
        return { ...plain, waitMs: Math.min(delay, 700) };
      default:
        return { ...plain, end: (['55P03', '57014', '40001'] as const)[choices.below(streams.network, 3)] ?? '40001' };
    }
  }

  /** How long a new connection takes, or if negative, until it is refused. */
  chooseConnect(): number {
    if (this.isDown) return -1;
    const { choices } = this.machine;
    if (this.isCalm) return 0;
    if (!this.#hasFault()) return latencies[choices.below(streams.network, 3)] as number;
    this.trouble(connectTimeoutMs);
    return [-1, -connectTimeoutMs, 1_500][choices.below(streams.network, 3)] as number;
  }

  chooseNotifyDelay(): number | undefined {
    if (!this.#hasFault()) return this.isCalm ? 0 : latencies[this.machine.choices.below(streams.network, 3)];
    this.trouble(3_000);
    return [undefined, 3_000][this.machine.choices.below(streams.network, 2)];
  }

  #hasFault(): boolean {
    const { choices } = this.machine;
    return this.faultOneIn > 0 && !this.isCalm && choices.isRare(streams.network, this.faultOneIn);
  }
}
