/** By its shape: under Jest, an error of `fetch` or of the system is of another realm, with another class Error. */
export function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string';
}
