import type { Database, Row } from '../connection/database.ts';

/** More names would make the answer too long. */
const maxNames = 500;

/**
 * Reads rows by name, as they are after the call. Callers that wait for a connection go together, in one statement: ten thousand at once are
 * few statements. Each is answered by its deadline, or earlier if other callers have waited for longer.
 */
export function rowReader(database: Database, statement: string) {
  /** Its statement is not sent yet. */
  let open: { names: Set<string>; rows: Promise<Map<string | null | undefined, Row>> } | undefined;
  const begin = (deadline: number) => {
    const names = new Set<string>();
    const close = (): void => {
      open = undefined;
    };
    const namesAtLast = (): unknown[] => {
      close();
      return [[...names]];
    };
    const reading = database.read(statement, namesAtLast, { deadline }).finally(close);
    return { names, rows: reading.then((rows) => new Map(rows.map((row) => [row.name, row]))) };
  };
  return async (name: string, deadline: number): Promise<Row | undefined> => {
    open ??= begin(deadline);
    const { names, rows } = open;
    names.add(name);
    if (names.size === maxNames) open = undefined;
    return (await rows).get(name);
  };
}
