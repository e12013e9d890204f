/** Stands in names that belong to a record. No record of a program may have it in its name. */
export const separator = '\u001f';

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
