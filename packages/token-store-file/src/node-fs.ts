/** node:fs, but not imported: that loads its streams and promises, which takes a tenth of the start of a program that reads a token. */
export const fs = process.getBuiltinModule('node:fs');
