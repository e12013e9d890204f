import type { Process } from '../machine/machine.ts';
import { connectTimeoutMs, type ModelServer, type Query } from './server.ts';
import { doing, onItsWay } from './state.ts';
import { names, type Row } from './tables.ts';

const sqlState = /^\d/;

function brokenError(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
}

/** A connection of a process, as pg makes it: the part of it that token-store-postgres uses. */
export class Connection {
  readonly process: Process;
  readonly connectionParameters = {};
  readonly connection = { stream: { destroy: () => this.#drop() }, on: () => {} };
  isListening = false;
  release: (isBroken?: boolean) => void = () => {};
  readonly #server: ModelServer;
  readonly #handlers: [event: string, handler: (event: { payload?: string }) => void][] = [];
  /** Ends when the statement before has been answered. */
  #before: Promise<unknown> = Promise.resolve();
  readonly #rejects = new Set<(error: Error) => void>();
  isBroken = false;

  constructor(server: ModelServer, process: Process) {
    this.#server = server;
    this.process = process;
  }

  on(event: string, handler: (event: { payload?: string }) => void): void {
    this.#handlers.push([event, handler]);
  }

  #emit(event: string, value: { payload?: string }): void {
    for (const [each, handler] of this.#handlers) if (each === event) handler(value);
  }

  connect(): Promise<void> {
    const { machine } = this.#server;
    const milliseconds = this.#server.chooseConnect();
    return new Promise((resolve, reject) => {
      const refuse = (): void => reject(Object.assign(brokenError(), { code: 'ECONNREFUSED', syscall: 'connect' }));
      machine.later(this.process, Math.abs(milliseconds), 'a connection is made or refused', () => {
        if (milliseconds < 0 || this.#server.isDown) return refuse();
        this.#server.connections.add(this);
        resolve();
      });
    });
  }

  query(query: Query | string): Promise<{ rows: Row[] }> {
    const sent = this.#before.then(() => this.#send(typeof query === 'string' ? { text: query } : query));
    this.#before = sent.catch(() => {});
    return sent;
  }

  async end(): Promise<void> {
    this.#drop();
  }

  unref(): void {}

  tell(payload: string): void {
    if (!this.isListening) return;
    const milliseconds = this.#server.chooseNotifyDelay();
    if (milliseconds === undefined) return;
    this.#server.machine.later(this.process, milliseconds, `is told ${payload.slice(0, 1)}`, () => {
      if (!this.isBroken) this.#emit('notification', { payload });
    });
  }

  /** The network or the server ends it. */
  breakDown(): void {
    if (this.isBroken) return;
    this.#drop();
    this.#server.machine.enqueue(this.process, 'a connection breaks', () => {
      for (const reject of this.#rejects) reject(brokenError());
      this.#emit('error', brokenError() as object);
      this.#emit('end', {});
    });
  }

  #drop(): void {
    this.isBroken = true;
    this.isListening = false;
    this.#server.connections.delete(this);
  }

  #send(query: Query): Promise<{ rows: Row[] }> {
    const server = this.#server;
    const { machine } = server;
    if (this.process.isDead) return new Promise(() => {});
    if (this.isBroken) return Promise.reject(brokenError());
    if (query.text.startsWith('LISTEN ')) return this.#listen();
    const label = names.get(query.text);
    const what = doing[label as keyof typeof doing] ?? 0;
    server.onSent(this.process, query.text, query.values ?? []);
    const course = server.chooseCourse();
    const { process } = this;
    process.refs++;
    process.count(what * onItsWay, 1);
    const arrived = (): void => process.count(what * onItsWay, -1);
    const answered = new Promise<{ rows: Row[] }>((resolve, reject) => {
      this.#rejects.add(reject);
      const settle = (what: string, act: () => void): void => {
        process.refs--;
        machine.later(
          process,
          course.answerMs,
          () => `${label} ${what}`,
          () => {
            this.#rejects.delete(reject);
            if (!this.isBroken) act();
          },
        );
      };
      const arrive = (): void => {
        if (!course.arrives || server.isDown || sqlState.test(course.end)) arrived();
        if (server.isDown || (!course.arrives && course.end === 'lost')) this.breakDown();
        else if (sqlState.test(course.end)) {
          const error = Object.assign(new Error('refused'), { code: course.end, severity: 'ERROR' });
          settle(`is refused with ${course.end}`, () => reject(error));
        } else if (course.arrives) run();
      };
      const run = (): void => {
        server.execute(process, query, course.waitMs, (rows) => {
          arrived();
          if (course.end === 'lost') this.breakDown();
          else if (course.end === 'answered') settle(`is answered ${JSON.stringify(rows)}`, () => resolve({ rows }));
        });
        if (course.againMs === undefined) return;
        process.count(what * onItsWay, 1);
        machine.later(undefined, course.againMs, `${label} of process ${process.id} arrives again`, () =>
          server.execute(process, query, 0, arrived),
        );
      };
      const says = (): string =>
        `${label} of process ${process.id} arrives: ${course.end} ${JSON.stringify(query.values)}`;
      machine.later(undefined, course.requestMs, says, arrive);
    });
    return process.during(what, answered);
  }

  #listen(): Promise<{ rows: Row[] }> {
    return new Promise((resolve) => {
      this.#server.machine.later(this.process, 1, 'listens', () => {
        this.isListening = !this.isBroken;
        resolve({ rows: [] });
      });
    });
  }
}

/** A `pg.Pool` of one process, as far as token-store-postgres uses it. */
export class ModelPool {
  readonly Client: new (
    options: object,
  ) => Connection;
  readonly options = {};
  readonly #server: ModelServer;
  readonly #process: Process;
  readonly #size: number;
  readonly #idle: Connection[] = [];
  #count = 0;
  readonly #waiting: { take: (connection: Connection) => void; fail: (error: Error) => void }[] = [];

  constructor(server: ModelServer, process: Process, size: number) {
    this.#server = server;
    this.#process = process;
    this.#size = size;
    this.Client = class extends Connection {
      constructor() {
        super(server, process);
      }
    };
  }

  on(): void {}

  async end(): Promise<void> {}

  connect(): Promise<Connection> {
    const { machine } = this.#server;
    return new Promise((resolve, reject) => {
      const timer = machine.setTimer(this.#process, connectTimeoutMs, () =>
        end(() => reject(new Error('timeout exceeded when trying to connect'))),
      );
      const end = (act: () => void): void => {
        timer.finish();
        const index = this.#waiting.indexOf(waiting);
        if (index >= 0) this.#waiting.splice(index, 1);
        act();
      };
      const waiting = {
        take: (connection: Connection) => end(() => resolve(connection)),
        fail: (error: Error) => end(() => reject(error)),
      };
      this.#waiting.push(waiting);
      this.#serve();
    });
  }

  #serve(): void {
    while (this.#waiting[0] && this.#idle.length > 0) {
      const free = this.#idle.pop() as Connection;
      if (free.isBroken) this.#count--;
      else this.#waiting[0].take(free);
    }
    if (!this.#waiting[0] || this.#count >= this.#size) return;
    this.#count++;
    const connection = new Connection(this.#server, this.#process);
    connection.release = (isBroken = false) => {
      if (isBroken || connection.isBroken) this.#count--;
      else this.#idle.push(connection);
      this.#serve();
    };
    connection.connect().then(
      () => {
        if (this.#waiting[0]) this.#waiting[0].take(connection);
        else this.#idle.push(connection);
      },
      (error: Error) => {
        this.#count--;
        this.#waiting[0]?.fail(error);
      },
    );
  }
}
