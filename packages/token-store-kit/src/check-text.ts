/**
 * Refuses what is not a string, and strings with half a surrogate pair: those have no UTF-8 form, so that a database could
 * store two different strings as the same bytes.
 *
 * @param name What the error message calls the value. The value itself may be a secret, and is not shown.
 * @throws {TypeError}
 */
export function checkText(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${kindOf(value)}`);
  if (/\p{Surrogate}/u.test(value)) {
    throw new TypeError(`${name} must be well-formed Unicode, but it has half a surrogate pair`);
  }
}

/** What a value is, for an error message. Only numbers are shown: anything else may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'number') return String(value);
  return typeof value === 'object' ? 'an object' : `a value of type ${typeof value}`;
}

/**
 * Refuses properties that remain in an object after its known ones were taken out. Otherwise a misspelt option would
 * silently have its default.
 *
 *     const { key, readOnly = false, ...unknown } = options;
 *     refuseUnknown(unknown);
 *
 * @throws {TypeError} that names the property.
 */
export function refuseUnknown(rest: object, kind = 'option'): void {
  for (const name of Object.keys(rest)) throw new TypeError(`unknown ${kind} ${JSON.stringify(name)}`);
}
