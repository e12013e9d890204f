import { type CommandDefinition, defineCommand } from '../settings/command.ts';
import { commonOptions, longFlag, type OptionDefinition, takesValue } from '../settings/options.ts';
import { exitStatus } from '../terminal/failure.ts';
import { writeOut } from '../terminal/streams.ts';

/**
 * The script for each shell. It passes the words of the command line unchanged to `onedrive-token __complete`, so that no shell evaluates
 * them. It reads lines of `value TAB description`. If there are none, the shell completes file names.
 */
const scripts: Readonly<Record<string, string>> = {
  bash: `_onedrive_token() {
  local line index
  COMPREPLY=()
  for ((index = 2; index < COMP_CWORD; index++)); do
    [[ \${COMP_WORDS[index]} == -- && " \${COMP_WORDS[*]:1:index} " == *' exec '* ]] || continue
    if ((index + 1 == COMP_CWORD)); then
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -c -- "\${COMP_WORDS[COMP_CWORD]}")
    elif declare -F _command_offset >/dev/null; then
      _command_offset $((index + 1))
    fi
    return
  done
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(onedrive-token __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _onedrive_token onedrive-token
`,
  zsh: `_onedrive_token() {
  local line
  local -a found
  local -i at=\${words[(i)--]}
  if (( at < CURRENT && \${words[(i)exec]} < at )); then
    words=("\${(@)words[at + 1,-1]}")
    (( CURRENT -= at ))
    _normal
    return
  fi
  while IFS= read -r line; do
    found+=("\${\${line//:/\\\\:}/$'\\t'/:}")
  done < <(onedrive-token __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then
    _describe 'onedrive-token' found
  else
    compset -P '--*='
    _files
  fi
}
compdef _onedrive_token onedrive-token
`,
  fish: `function __onedrive_token_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l at (contains -i -- -- $words)
  if set -q at[1]; and contains exec $words[1..$at[1]]
    complete -C (string join ' ' -- (string escape -- $words[(math $at[1] + 1)..-2]) $words[-1])
    return
  end
  set -l found (onedrive-token __complete $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    set -l option (string match -r '^--[^=]*=' -- $words[-1])
    __fish_complete_path (string replace -- "$option" '' $words[-1]) | string replace -r '^' -- "$option"
  end
end
complete -c onedrive-token -f -a '(__onedrive_token_complete)'
`,
};

export const completion = defineCommand({
  name: 'completion',
  summary: 'print a completion script for your shell',
  description: 'Prints a script that makes the shell complete commands, options and their values.',
  examples: [
    ['source <(onedrive-token completion bash)', 'in ~/.bashrc; the same with zsh in ~/.zshrc'],
    ['onedrive-token completion fish | source', 'in ~/.config/fish/config.fish'],
  ],
  arguments: [{ name: '<shell>', description: 'the shell', choices: Object.keys(scripts) }],
  async run(_command, _options, [shell = '']) {
    writeOut(scripts[shell] ?? '');
  },
});

type Candidate = readonly [value: string, description: string];

/**
 * Prints the candidates for the last of `words`, one per line, with a tab before the description. Prints nothing if a file name is
 * expected.
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
  // A word after an option such as `--app` is a value, even if a command has that name.
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
