import { checkText } from './check-text.ts';

/** Stands in names that belong to a record. No record of a program may have it in its name. */
export const separator = '\u001f';

/**
 * Refuses what cannot be the name of a program's record: what is no well-formed text, an empty one, and one with U+001F, which would count
 * as a name that belongs to another record.
 *
 * @param label What the error message calls it.
 * @throws {TypeError}
 */
export function checkRecordName(value: unknown, label: string): asserts value is string {
  checkText(value, label);
  if (value === '') throw new TypeError(`${label} must not be empty`);
  if (value.includes(separator)) throw new TypeError(`${label} must not have the control character U+001F`);
}

/**
 * The name of the lock that a sign-in holds, apart from the record's own, which it takes only to write. A program that
 * works on a whole store, for example to change its encryption key, acquires both.
 */
export function signInLockName(name: string): string {
  return `sign-in${separator}${name}`;
}

/** What a person calls the record that a lock or a reserved name belongs to. */
export function labelOf(name: string): string {
  return name.split(separator).findLast((part) => part !== '') ?? name;
}
