/**
 * Refuses what is left of an object after its known names were taken out: a misspelt option would silently have its
 * default.
 *
 *     const { key, readOnly = false, ...unknown } = options;
 *     refuseUnknown(unknown);
 *
 * @throws {TypeError} that has the name.
 */
export function refuseUnknown(rest: object, kind = 'option'): void {
  for (const name of Object.keys(rest)) throw new TypeError(`unknown ${kind} ${JSON.stringify(name)}`);
}
