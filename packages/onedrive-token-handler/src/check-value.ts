/** Refuses unknown options, which remain after the known ones were taken out: a misspelt one would silently have its default. */
export function refuseUnknown(rest: object): void {
  for (const name of Object.keys(rest)) throw new TypeError(`unknown option ${JSON.stringify(name)}`);
}

/** The error for an option of a wrong type. Shows the value only if it is a number: anything else may be a secret. */
export function wrongType(name: string, expected: string, value: unknown): TypeError {
  const kind = value === null ? 'null' : typeof value === 'object' ? 'an object' : `a value of type ${typeof value}`;
  return new TypeError(`${name} must be ${expected}, not ${typeof value === 'number' ? value : kind}`);
}

export function readText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw wrongType(name, 'a string', value);
  if (value === '') throw new TypeError(`${name} must be a string that is not empty`);
  if (!value.isWellFormed()) throw new TypeError(`${name} must be well-formed Unicode`);
  return value;
}

export function readBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw wrongType(name, 'a boolean', value);
  return value;
}

/** Undefined stays undefined. */
export function readFunction<F>(name: string, value: F): F {
  if (value !== undefined && typeof value !== 'function') throw wrongType(name, 'a function', value);
  return value;
}

export function readChoice<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  throw new TypeError(`${name} must be '${choices.join("' or '")}', not ${JSON.stringify(value)}`);
}

/** A duration in milliseconds, or with `isInteger` another number. */
export function readNumber(
  name: string,
  value: unknown,
  { min, max, isInteger = false }: { min: number; max: number; isInteger?: boolean },
): number {
  if (typeof value !== 'number') throw wrongType(name, 'a number', value);
  if (value >= min && value <= max && (!isInteger || Number.isInteger(value))) return value;
  throw new RangeError(`${name} must be ${isInteger ? 'an integer' : 'a number'} from ${min} to ${max}, not ${value}`);
}
