// What a shell needs to complete our command lines.
import type { CommandDefinition } from './settings/command.ts';
import { commonOptions, longFlag, type OptionDefinition, takesValue } from './settings/options.ts';
import { exitStatus } from './terminal/failure.ts';
import { writeOut } from './terminal/streams.ts';

type Candidate = readonly [value: string, description: string];

/**
 * Prints what the last of `words` may become: one candidate per line, with a tab before its description. Prints nothing if a
 * file name is expected.
 */
export function complete(commands: readonly CommandDefinition[], words: readonly string[]): number {
  // bash makes three words of `--db=x`, the other shells one.
  const before = words.slice(0, -1).filter((word) => word !== '=');
  const last = words.at(-1) ?? '';
  const [, start = '', option] = /^((--[\w-]+)?=)/.exec(last) ?? [];
  const partial = last.slice(start.length);
  const candidates = candidatesFor(commands, option ? [...before, option] : before, partial);
  const matching = candidates.filter(([value]) => value.startsWith(partial));
  const prefix = option ? start : '';
  writeOut(matching.map(([value, description]) => `${prefix}${value}\t${description}\n`).join(''));
  return exitStatus.done;
}

function candidatesFor(
  commands: readonly CommandDefinition[],
  before: readonly string[],
  partial: string,
): readonly Candidate[] {
  // A word after `--app` is a name.
  const valued = Object.values(commonOptions).filter(takesValue).map(longFlag);
  const words = before.filter((_, index) => !valued.includes(before[index - 1] ?? ''));
  const command = words.map((word) => commands.find(({ name }) => name === word)).find(Boolean);
  if (command?.runsProgram && before.includes('--')) return [];
  const options: readonly OptionDefinition[] = Object.values({ ...command?.options, ...commonOptions });
  const last = before.at(-1) ?? '';
  const pending = options.find((option) => takesValue(option) && option.flags.split(/[ ,]+/).includes(last));
  if (pending) return plain(pending.choices);
  if (partial.startsWith('-')) {
    const found = options.map((option): Candidate => [longFlag(option), option.description]);
    return [...found, ['--help', 'show help'], ['--version', 'show the version']];
  }
  if (command) return plain(command.arguments?.[0]?.choices);
  return commands.map(({ name, summary }) => [name, summary]);
}

function plain(values: readonly string[] = []): Candidate[] {
  return values.map((value) => [value, '']);
}
