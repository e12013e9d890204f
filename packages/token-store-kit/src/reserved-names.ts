import { checkText } from './check-text.ts';

/** Marks reserved names, such as that of a sign-in's lock. The name of a program's record must not contain it. */
export const separator = '\u001f';

/**
 * Refuses a value that cannot name a program's record: anything but well-formed text, an empty text, and a text with U+001F, which would
 * count as a reserved name of another record.
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
 * The name of the lock that a sign-in holds from beginning to end. The sign-in acquires the record's own lock only to
 * write. A program that works on a whole store, for example to change its encryption key, acquires both locks.
 */
export function signInLockName(name: string): string {
  return `sign-in${separator}${name}`;
}

/** The name to show to a person: that of the record to which a lock or a reserved name belongs. */
export function labelOf(name: string): string {
  return name.split(separator).findLast((part) => part !== '') ?? name;
}
