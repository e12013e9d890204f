/** The command line or the environment is wrong; says what was expected and what came. Ends with status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
