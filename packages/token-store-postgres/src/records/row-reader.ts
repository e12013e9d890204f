import type { Database, Row } from '../connection/database.ts';

/** More names would make the answer too long. */
const maxNames = 500;

/**
 * Reads rows by name, as they are after the call. Callers that wait for a connection share one statement, so ten thousand at once need few
 * statements. A caller is answered by the deadline of the first caller of its statement, which is never later than its own.
 */
export function rowReader(database: Database, statement: string) {
  /** The batch that callers can still join, because its statement is not sent yet. */
  let open: { names: Set<string>; deadline: number; rows: Promise<Map<string | null | undefined, Row>> } | undefined;
  const begin = (deadline: number) => {
    const names = new Set<string>();
    const close = (): void => {
      if (open?.names === names) open = undefined;
    };
    const namesAtLast = (): unknown[] => {
      close();
      return [[...names]];
    };
    const reading = database.read(statement, namesAtLast, { deadline }).finally(close);
    return { names, deadline, rows: reading.then((rows) => new Map(rows.map((row) => [row.name, row]))) };
  };
  return async (name: string, deadline: number): Promise<Row | undefined> => {
    if (!open || open.deadline > deadline) open = begin(deadline);
    const { names, rows } = open;
    names.add(name);
    if (names.size === maxNames) open = undefined;
    return (await rows).get(name);
  };
}
