import { defineCommand } from '../settings/command.ts';
import { exitStatus } from '../terminal/failure.ts';
import { writeOut } from '../terminal/streams.ts';

/**
 * By shell. Each script gives the words of the command line to `onedrive-token __complete` as they are, so that no shell
 * evaluates them, and reads lines of `value TAB description`. If it gets none, the shell completes file names.
 */
const scripts: Readonly<Record<string, string>> = {
  bash: `_onedrive_token() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(onedrive-token __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _onedrive_token onedrive-token
`,
  zsh: `_onedrive_token() {
  local line
  local -a found
  while IFS= read -r line; do
    found+=("\${\${line//:/\\\\:}/$'\\t'/:}")
  done < <(onedrive-token __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then
    _describe 'onedrive-token' found
  else
    _files
  fi
}
compdef _onedrive_token onedrive-token
`,
  fish: `function __onedrive_token_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found (onedrive-token __complete $words[2..-1] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c onedrive-token -f -a '(__onedrive_token_complete)'
`,
};

/** Prints the script that makes a shell complete our command lines. */
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
    return exitStatus.done;
  },
});
