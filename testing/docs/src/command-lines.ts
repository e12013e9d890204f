import { forEachChild, parse, type SyntaxNode } from 'unbash';

/** One command with its arguments, as the shell splits them. Variables and substitutions stay as they are written. */
export interface CommandLine {
  readonly name: string;
  readonly args: readonly string[];
}

/** Every command of a script, also within substitutions, loops and pipes. Throws SyntaxError if a shell could not read the script. */
export function commandLines(script: string): CommandLine[] {
  const found: CommandLine[] = [];
  const collect = (node: SyntaxNode): void => {
    if (node.type === 'Script' && node.errors?.[0]) throw new SyntaxError(`${node.errors[0].message}: ${script}`);
    if (node.type === 'Command' && node.name) {
      const args = node.args.map((arg) => ('value' in arg && typeof arg.value === 'string' ? arg.value : arg.text));
      found.push({ name: node.name.value, args });
    }
    forEachChild(node, collect);
  };
  collect(parse(script));
  return found;
}
