// What a shell needs to complete our command lines.
import { setTimeout } from 'node:timers/promises';
import { listAppNames } from 'onedrive-token-handler';
import { openDatabase } from './session/database.ts';
import type { CommandDefinition } from './settings/command.ts';
import {
  commonOptions,
  type Flags,
  longFlag,
  type OptionDefinition,
  splitFlag,
  takesValue,
} from './settings/options.ts';
import { readSettings } from './settings/settings.ts';
import { exitStatus } from './terminal/failure.ts';
import { printable } from './terminal/printable.ts';
import { writeOut } from './terminal/streams.ts';

type Candidate = readonly [value: string, description: string];

/** How long a person who types waits for a PostgreSQL server. */
const maxWaitMs = 2000;

/**
 * Prints what the last of `words` may become: one candidate per line, with a tab before its description. Prints nothing if a
 * file name is expected.
 */
export async function complete(commands: readonly CommandDefinition[], words: readonly string[]): Promise<number> {
  const partial = words.at(-1) ?? '';
  const candidates = await candidatesFor(readWords(commands, words.slice(0, -1)), partial, commands);
  const matching = candidates.filter(([value]) => value.startsWith(partial) && !/[\n\t]/.test(value));
  writeOut(matching.map(([value, description]) => `${value}\t${printable(description)}\n`).join(''));
  return exitStatus.done;
}

async function candidatesFor(
  { command, pending, operands, flags }: Position,
  partial: string,
  commands: readonly CommandDefinition[],
): Promise<readonly Candidate[]> {
  if (pending === commonOptions.app) return appNames(flags);
  if (pending) return plain(pending.choices);
  const isOption = partial.startsWith('-');
  if (operands > 0) return isOption && command && !command.runsProgram ? options(command) : [];
  if (isOption) return options(command);
  if (!command) return commands.map(({ name, summary }) => [name, summary]);
  const [first] = command.arguments ?? [];
  return first?.suggestions ?? plain(first?.choices);
}

interface Position {
  /** undefined as long as no command was typed. */
  command: CommandDefinition | undefined;
  /** The option whose value comes next. */
  pending: OptionDefinition | undefined;
  operands: number;
  flags: Flags;
}

function readWords(commands: readonly CommandDefinition[], words: readonly string[]): Position {
  const position: Position = { command: undefined, pending: undefined, operands: 0, flags: {} };
  for (const word of words) {
    const [flag, value] = splitFlag(word);
    if (position.pending) {
      if (position.pending === commonOptions.db) position.flags.db = word;
      position.pending = undefined;
    } else if (word.startsWith('-')) {
      const option = optionsOf(position.command).find(({ flags }) => flags.split(/[ ,]+/).includes(flag));
      if (value !== undefined && option === commonOptions.db) position.flags.db = value;
      if (value === undefined && option && takesValue(option)) position.pending = option;
    } else {
      const command = position.command ? undefined : commands.find(({ name }) => name === word);
      if (command) position.command = command;
      else position.operands++;
    }
  }
  return position;
}

function optionsOf(command: CommandDefinition | undefined): readonly OptionDefinition[] {
  return [...Object.values(command?.options ?? {}), ...Object.values(commonOptions)];
}

function options(command: CommandDefinition | undefined): Candidate[] {
  const found = optionsOf(command).map((option): Candidate => [longFlag(option), option.description]);
  return [...found, ['--help', 'show help'], ['--version', 'show the version']];
}

function plain(values: readonly string[] = []): Candidate[] {
  return values.map((value) => [value, '']);
}

async function appNames(flags: Flags): Promise<Candidate[]> {
  const deadline = setTimeout(maxWaitMs, []);
  const read = async (): Promise<string[]> => {
    await using database = await openDatabase(readSettings(flags), undefined, { readOnly: true });
    return await listAppNames(database.options);
  };
  try {
    const names = await Promise.race([read(), deadline]);
    return names.map((name) => [name, '']);
  } catch {
    // No error may disturb the person who is typing. The names in an encrypted database are not completed.
    return [];
  }
}
