import { checkNames } from './check-names.ts';
import { kindOf } from './check-text.ts';
import type { ChangedOptions, ExclusivelyOptions } from './token-store.ts';

/** How long `exclusively` waits for the lock if its caller does not say. */
const lockTimeoutMs = 60_000;

/**
 * Checks that there are no other options than the keys of `known`.
 *
 * @throws {TypeError} if `options` is no object, or has another option.
 */
export function checkOptions(options: unknown, known: Readonly<Record<string, unknown>>): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options must be an object, not ${kindOf(options)}`);
  }
  checkNames(options, known);
}

const waitOptions: Record<keyof ExclusivelyOptions, true> = { timeout: true, signal: true };

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
  checkOptions(options, waitOptions);
  return readWait(options.timeout ?? lockTimeoutMs, options.signal);
}

/**
 * The options of `changed`.
 *
 * @throws {TypeError} if the timeout is missing, or an option has a wrong type.
 * @throws {RangeError} if the timeout is negative or NaN.
 */
export function readChangedOptions(options: ChangedOptions): { timeout: number; signal: AbortSignal | undefined } {
  checkOptions(options, waitOptions);
  return readWait(options.timeout, options.signal);
}

function readWait(timeout: unknown, signal: unknown): { timeout: number; signal: AbortSignal | undefined } {
  if (typeof timeout !== 'number') throw new TypeError(`timeout must be a number, not ${kindOf(timeout)}`);
  if (!(timeout >= 0)) throw new RangeError(`timeout must be 0 or more milliseconds, not ${timeout}`);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal, not ${kindOf(signal)}`);
  }
  return { timeout, signal };
}
