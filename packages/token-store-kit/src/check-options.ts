import { kindOf, refuseUnknown } from './check-text.ts';
import type { ChangedOptions, ExclusivelyOptions, Lock } from './token-store.ts';

/** How long `exclusively` waits for the lock if its caller does not say. */
const lockTimeoutMs = 60_000;

/**
 * The options of `exclusively`, with the default timeout. `task` is only checked.
 *
 * @throws {TypeError} if the task is no function, or an option is unknown or has a wrong type.
 * @throws {RangeError} if the timeout is negative or NaN.
 */
export function readExclusivelyOptions(task: (lock: Lock) => unknown, options: ExclusivelyOptions = {}) {
  if (typeof task !== 'function') throw new TypeError(`task must be a function, not ${kindOf(task)}`);
  return readWait(options, lockTimeoutMs);
}

/**
 * The options of `changed`.
 *
 * @throws {TypeError} if the timeout is missing, or an option is unknown or has a wrong type.
 * @throws {RangeError} if the timeout is negative or NaN.
 */
export function readChangedOptions(options: ChangedOptions) {
  return readWait(options);
}

function readWait(options: ExclusivelyOptions, defaultTimeout?: number) {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options must be an object, not ${kindOf(options)}`);
  }
  const { timeout = defaultTimeout, signal, ...unknown } = options;
  refuseUnknown(unknown);
  if (typeof timeout !== 'number') throw new TypeError(`timeout must be a number, not ${kindOf(timeout)}`);
  if (!(timeout >= 0)) throw new RangeError(`timeout must be 0 or more milliseconds, not ${timeout}`);
  // Checks a method instead of the class: a test runner may have its own AbortSignal class.
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') {
    throw new TypeError(`signal must be an AbortSignal, not ${kindOf(signal)}`);
  }
  return { timeout, signal };
}
