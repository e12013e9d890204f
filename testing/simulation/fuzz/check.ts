/** What a target throws if a parser breaks a rule. The fuzzer reports every other error as well. */
class BrokenRule extends Error {
  override readonly name = 'BrokenRule';
}

export function check(rule: string, holds: boolean): void {
  if (!holds) throw new BrokenRule(rule);
}

/** A message is printed to a terminal: one line, without control characters, of limited length. */
export function checkMessage(message: string, secrets: readonly string[]): void {
  check('a message is one line without control characters', !/\p{Cc}/u.test(message));
  check('a message is short', message.length < 3_000);
  check('no message has a secret in it', !secrets.some((secret) => message.includes(secret)));
}
