// completion/ is what a shell needs to complete our command lines.
import { setTimeout } from 'node:timers/promises';
import type { Option, Command as Program } from 'commander';
import { listAppNames } from 'onedrive-token-handler';
import { openDatabase } from '../session/database.ts';
import { type Flags, splitFlag } from '../settings/common-options.ts';
import { readSettings } from '../settings/settings.ts';
import { exitStatus } from '../terminal/failure.ts';
import { printable } from '../terminal/printable.ts';
import { writeOut } from '../terminal/streams.ts';

type Candidate = readonly [value: string, description: string];

/** How long a person who types waits for a PostgreSQL server. */
const maxWaitMs = 2000;

/** Paths of Microsoft Graph that people often type. */
const paths: readonly Candidate[] = [
  ['/me', 'who you are'],
  ['/me/drive', 'your drive'],
  ['/me/drive/root/children', 'the files and folders at the top level'],
  ['/me/drive/recent', 'what you used recently'],
  ['/me/drive/sharedWithMe', 'what others share with you'],
];

/**
 * Prints what the last of `words` may become: one candidate per line, with a tab before its description. Prints nothing if a
 * file name is expected.
 */
export async function complete(program: Program, words: readonly string[]): Promise<number> {
  const partial = words.at(-1) ?? '';
  const candidates = await candidatesFor(program, words.slice(0, -1), partial);
  const matching = candidates.filter(([value]) => value.startsWith(partial) && !/[\n\t]/.test(value));
  writeOut(matching.map(([value, description]) => `${value}\t${printable(description)}\n`).join(''));
  return exitStatus.done;
}

async function candidatesFor(
  program: Program,
  before: readonly string[],
  partial: string,
): Promise<readonly Candidate[]> {
  const { command, pending, operands, flags } = readWords(program, before);
  if (pending?.long === '--app') return appNames(flags);
  if (pending) return pending.argChoices?.map((choice) => [choice, '']) ?? [];
  if (command === program && operands > 0) return [];
  if (command === program) return partial.startsWith('-') ? options(program) : commands(program);
  if (partial.startsWith('-')) return command.name() === 'exec' && operands > 0 ? [] : options(command);
  if (operands > 0) return [];
  if (command.name() === 'api') return paths;
  return command.registeredArguments[0]?.argChoices?.map((choice) => [choice, '']) ?? [];
}

interface Position {
  /** The program itself, as long as no command was typed. */
  command: Program;
  /** The option whose value comes next. */
  pending: Option | undefined;
  operands: number;
  flags: Flags;
}

function readWords(program: Program, words: readonly string[]): Position {
  const position: Position = { command: program, pending: undefined, operands: 0, flags: {} };
  for (const word of words) {
    if (position.pending) {
      if (position.pending.long === '--db') position.flags.db = word;
      position.pending = undefined;
    } else if (word.startsWith('-')) {
      const [flag, value] = splitFlag(word);
      const option = position.command.options.find(({ long, short }) => flag === long || flag === short);
      if (value === undefined) position.pending = option?.required ? option : undefined;
      else if (option?.long === '--db') position.flags.db = value;
    } else {
      const command = position.command === program && program.commands.find((candidate) => candidate.name() === word);
      if (command) position.command = command;
      else position.operands++;
    }
  }
  return position;
}

function commands(program: Program): Candidate[] {
  return program.commands.map((command) => [command.name(), command.summary()]);
}

function options(command: Program): Candidate[] {
  const { options } = command;
  return [...options.map(({ long, description }): Candidate => [long ?? '', description]), ['--help', 'show help']];
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
