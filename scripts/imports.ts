/** The specifiers that a source imports: statically, dynamically, by `require`, or as a type. Each once, in the order of the source. */
export function importedSpecifiers(source: string): string[] {
  // An example in a comment imports nothing.
  const code = source.replaceAll(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, '');
  const imports = code.matchAll(/(?:\bfrom|\bimport|\bimport\(|\brequire\w*\()\s*['"]([^'"]+)['"]/g);
  return [...new Set([...imports].map(([, specifier]) => specifier as string))];
}
