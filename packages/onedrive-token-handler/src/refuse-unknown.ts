/** Refuses what is left of an object after its known names were taken out: a misspelt option would silently have its default. */
export function refuseUnknown(rest: object): void {
  for (const name of Object.keys(rest)) throw new TypeError(`unknown option ${JSON.stringify(name)}`);
}
