import { checkData, type TokenRecord } from 'token-store-kit';

/**
 * A copy of the `data` of a record, frozen because what is kept is given out. Undefined for what no store takes: tokens that
 * come with it are not lost for it.
 */
export function readData(data: unknown): TokenRecord['data'] {
  try {
    return Object.freeze(checkData(data));
  } catch {
    return undefined;
  }
}
