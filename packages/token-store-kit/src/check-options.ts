import { checkNames } from './check-names.ts';
import { kindOf } from './check-text.ts';
import { refuseUnknown } from './refuse-unknown.ts';
import type { ChangedOptions, ExclusivelyOptions } from './token-store.ts';

/** How long `exclusively` waits for the lock if its caller does not say. */
const lockTimeoutMs = 60_000;

/**
 * Checks that there are no other options than the keys of `known`.
 *
 * @throws {TypeError} if `options` is no object, or has another option.
 */
export function checkOptions(options: unknown, known: Readonly<Record<string, unknown>>): void {
  checkObject(options);
  checkNames(options, known);
}

function checkObject(options: unknown): asserts options is object {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options must be an object, not ${kindOf(options)}`);
  }
}

/**
 * The options of `exclusively`, with the default timeout.
 *
 * @throws {TypeError} if the task is no function, or an option has a wrong type.
 * @throws {RangeError} if the timeout is negative or NaN.
 */
export function readExclusivelyOptions(
  task: unknown,
  options: ExclusivelyOptions = {},
): { timeout: number; signal: AbortSignal | undefined } {
  if (typeof task !== 'function') throw new TypeError(`task must be a function, not ${kindOf(task)}`);
  checkObject(options);
  const { timeout = lockTimeoutMs, signal, ...unknown } = options;
  refuseUnknown(unknown);
  return readWait(timeout, signal);
}

/**
 * The options of `changed`.
 *
 * @throws {TypeError} if the timeout is missing, or an option has a wrong type.
 * @throws {RangeError} if the timeout is negative or NaN.
 */
export function readChangedOptions(options: ChangedOptions): { timeout: number; signal: AbortSignal | undefined } {
  checkObject(options);
  const { timeout, signal, ...unknown } = options;
  refuseUnknown(unknown);
  return readWait(timeout, signal);
}

function readWait(timeout: unknown, signal: unknown): { timeout: number; signal: AbortSignal | undefined } {
  if (typeof timeout !== 'number') throw new TypeError(`timeout must be a number, not ${kindOf(timeout)}`);
  if (!(timeout >= 0)) throw new RangeError(`timeout must be 0 or more milliseconds, not ${timeout}`);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal, not ${kindOf(signal)}`);
  }
  return { timeout, signal };
}
