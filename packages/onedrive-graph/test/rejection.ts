import { rejection as rejectionOfAny } from 'testing-authority/within';

/** The error that a promise rejects with, which has to be of that class. */
export async function rejection<T extends Error>(
  promise: Promise<unknown>,
  // biome-ignore lint/suspicious/noExplicitAny: the arguments of no constructor are looked at
  type: new (...args: any[]) => T,
): Promise<T> {
  const error: Error = await rejectionOfAny(promise);
  if (error instanceof type) return error;
  throw error;
}
