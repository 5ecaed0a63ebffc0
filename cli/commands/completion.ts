/**
 * `linefeed completion`: scripts for bash, zsh and fish. They call `linefeed __complete`, which takes commands and
 * options from commander's tree, and ids and actions from the server.
 */
import { Argument, type Command } from 'commander';
import type { ActionJson } from '../../wire/catalogue.ts';
import { createClient } from '../client.ts';
import { type Candidate, candidates } from '../complete.ts';
import { findConnection } from '../connection.ts';
import { action } from '../context.ts';
import type { listExecutions } from '../executions.ts';
import { EXIT } from '../exit-codes.ts';
import { describe } from '../render/execution-json.ts';
import { cut } from '../render/table.ts';
import { safeLine } from '../render/terminal-text.ts';

const SCRIPTS = {
  bash: `# linefeed completion for bash. Use: source <(linefeed completion bash)
_linefeed() {
  local IFS=$'\\n' line cur="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=()
  while IFS= read -r line; do
    case "$line" in
      :files) compopt -o default 2>/dev/null; COMPREPLY=(); return ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # A description would be inserted if there is only one candidate.
  if [ "\${#COMPREPLY[@]}" -eq 1 ]; then COMPREPLY=("\${COMPREPLY[0]}"); fi
}
complete -F _linefeed linefeed
`,
  zsh: `#compdef linefeed
# linefeed completion for zsh. Use: source <(linefeed completion zsh)
_linefeed() {
  local line
  local -a found
  while IFS= read -r line; do
    if [[ $line == :files ]]; then _files; return; fi
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe 'linefeed' found
}
# When loaded from fpath, this file is the function. When sourced, it registers the function.
if [ "$funcstack[1]" = "_linefeed" ]; then _linefeed "$@"; else compdef _linefeed linefeed; fi
`,
  fish: `# linefeed completion for fish. Use: linefeed completion fish | source
function __linefeed_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path "$current"
    else
      echo $line
    end
  end
end
complete -c linefeed -f -a '(__linefeed_complete)'
`,
} as const;

/** How long to wait for the server: no completion is better than one that hangs. */
const REQUEST_TIMEOUT_MS = 1_500;

async function requestCandidates(kind: 'id' | 'action'): Promise<Candidate[]> {
  const client = createClient(await findConnection({}, process.env));
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
  if (kind === 'action') {
    const actions = await client.json<ActionJson[]>('/v1/actions', { signal });
    return actions.map(({ ref, description }) => ({ value: ref, description: safeLine(description ?? '') }));
  }
  const response = await client.request('/v1/executions', { query: { limit: 30 }, signal });
  const executions = (await response.json()) as Awaited<ReturnType<typeof listExecutions>>;
  return [
    { value: 'last', description: 'the newest execution' },
    ...executions.map((one) => ({ value: one.id, description: `${one.status}  ${cut(describe(one), 60)}` })),
  ];
}

export function completionCommand(program: Command): void {
  const command = program
    .command('completion')
    .summary('shell completion')
    .description('Prints a script that completes commands, options, ids and actions.')
    .addArgument(new Argument('<shell>', 'your shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  $ source <(linefeed completion bash)                                   for this session
  $ linefeed completion bash > ~/.local/share/bash-completion/completions/linefeed
  $ linefeed completion zsh > "\${fpath[1]}/_linefeed"
  $ linefeed completion fish > ~/.config/fish/completions/linefeed.fish`,
    );
  action<object, [keyof typeof SCRIPTS]>(command, async (context, _options, shell) => {
    await context.terminal.write([{ to: 'stdout', data: SCRIPTS[shell] }]);
    return EXIT.ok;
  });

  const complete = program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false);
  action<object, [string[]]>(complete, async (context, _options, words) => {
    const found = candidates(program, words);
    const listed = found.ask
      ? (await requestCandidates(found.ask).catch(() => [])).filter(({ value }) =>
          value.startsWith(found.word),
        )
      : found.candidates;
    if (listed.length === 0 && found.files) return void (await context.terminal.print(':files'));
    for (const { value, description } of listed)
      await context.terminal.print(description ? `${value}\t${description}` : value);
    return EXIT.ok;
  });
}
