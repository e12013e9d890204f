/** An import of node:fs would also load its streams and promises: a tenth of the start of a program that reads a token. */
export const fs = process.getBuiltinModule('node:fs');
