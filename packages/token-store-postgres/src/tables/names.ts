import type { Settings } from '../options.ts';

const crypto = (): typeof import('node:crypto') => process.getBuiltinModule('node:crypto');

/** The tables of one store, quoted for statements, and the channel on which it tells of changes. */
export interface Tables {
  readonly schema: string;
  /** Unquoted, in the order in which they are made. */
  readonly names: readonly string[];
  readonly records: string;
  readonly leases: string;
  readonly meta: string;
  readonly channel: string;
}

export function tablesOf(schema: string, { table }: Pick<Settings, 'table'>): Tables {
  const names = [table, `${table}_lease`, `${table}_meta`];
  const [records = '', leases = '', meta = ''] = names.map((name) => `${quote(schema)}.${quote(name)}`);
  return { schema, names, records, leases, meta, channel: `token_store_${hash(`${schema}\0${table}`)}` };
}

/** An identifier as a statement takes it, whatever characters it has. */
export function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** An entry of a B-tree index may have about 2,700 bytes. */
const maxKeyLength = 500;

/**
 * A name as it is stored: in ASCII, which every database can store whatever its encoding. A backslash is doubled; any other
 * character that is not printable ASCII is \uXXXX, as in JSON. A long name is stored as its beginning and a hash; no other name
 * can have that form.
 */
export function toKey(name: string): string {
  const text = escapeName(name);
  return text.length <= maxKeyLength ? text : `${text.slice(0, maxKeyLength - 40)}\\#${hash(name, 32)}`;
}

/** The whole name in that form, if its key is only the beginning and a hash. */
export function toFullName(name: string): string | null {
  const text = escapeName(name);
  return text.length <= maxKeyLength ? null : text;
}

/** The name that is stored in this form. */
export function fromStoredName(text: string): string {
  return text.replace(/\\(?:u([0-9a-f]{4})|\\)/g, (_, code?: string) =>
    code ? String.fromCharCode(Number.parseInt(code, 16)) : '\\',
  );
}

function escapeName(name: string): string {
  return toAscii(name.replaceAll('\\', '\\\\'));
}

/** JSON as a database of any encoding can store it. */
export function toJson(value: object): string {
  return toAscii(JSON.stringify(value));
}

/** Writes every character that is not printable ASCII as \uXXXX. JSON keeps its meaning. */
function toAscii(text: string): string {
  return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Stands for a name in messages: every role of the database can listen to the channel. */
export function toTopic(tables: Tables, name: string): string {
  return hash(`${tables.channel}\0${name}`);
}

function hash(text: string, length = 16): string {
  return crypto().createHash('sha256').update(text).digest('hex').slice(0, length);
}
