import * as assert from 'node:assert/strict';

/** Also if a driver, or `structuredClone`, made the objects in another realm, as under Jest and Vitest's `vmThreads`. */
export function assertSame(found: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(structuredClone(found), structuredClone(expected), message);
}
