/** A name for any text, such as a path: the first `length` hexadecimal digits of its SHA-256. */
export function hashOf(text: string, length: number): string {
  // Loaded here: an import would add a tenth to the start of every program that reads a token.
  return process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex').slice(0, length);
}
