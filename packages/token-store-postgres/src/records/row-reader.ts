import type { Database, Row } from '../connection/database.ts';

/** More names would make the answer too long. */
const maxNames = 500;

interface Batch {
  readonly names: Set<string>;
  readonly rows: Promise<Map<string | null | undefined, Row>>;
}

/** Reads rows by name. Callers that wait for a connection go together, in one statement: ten thousand at once are few statements. */
export class RowReader {
  readonly #database: Database;
  readonly #statement: string;
  /** Its statement is not sent yet. */
  #open: Batch | undefined;

  constructor(database: Database, statement: string) {
    this.#database = database;
    this.#statement = statement;
  }

  /** The row as it is after the call. `deadline`: earlier if other callers have waited for longer. */
  async read(name: string, deadline: number): Promise<Row | undefined> {
    this.#open ??= this.#begin(deadline);
    const { names, rows } = this.#open;
    names.add(name);
    if (names.size === maxNames) this.#open = undefined;
    return (await rows).get(name);
  }

  #begin(deadline: number): Batch {
    const names = new Set<string>();
    const close = (): void => {
      if (this.#open?.names === names) this.#open = undefined;
    };
    const namesAtLast = (): unknown[] => {
      close();
      return [[...names]];
    };
    const reading = this.#database.read(this.#statement, namesAtLast, { deadline }).finally(close);
    return { names, rows: reading.then((rows) => new Map(rows.map((row) => [row.name, row]))) };
  }
}
