/**
 * Completion candidates for a command line, from commander's command tree. Pure: values that only the server knows are
 * named in `ask`, and the caller requests them.
 */
import type { Command, Option } from 'commander';

export interface Candidate {
  value: string;
  description: string;
}

interface Completion {
  /** The word that the user is typing. */
  word: string;
  candidates: Candidate[];
  /** Values to request from the server: execution ids or action references. */
  ask?: 'id' | 'action';
  /** Complete file names if there is no other candidate. */
  files: boolean;
}

function takesValue(option: Option): boolean {
  return option.required || option.optional;
}

function optionNamed(command: Command, word: string): Option | undefined {
  return command.options.find((option) => option.long === word || option.short === word);
}

function firstSentence(text: string): string {
  return text.split(/[.;:(]\s/, 1)[0] as string;
}

/** `words` follow the program's name; the user is typing the last one, which may be empty. */
export function candidates(program: Command, words: readonly string[]): Completion {
  const word = words.at(-1) ?? '';
  let command = program;
  let operands = 0;
  let pending: Option | undefined;
  for (const previous of words.slice(0, -1)) {
    if (previous === '--') return { word, candidates: [], files: true };
    if (pending) pending = undefined;
    else if (previous.startsWith('-')) {
      const option = optionNamed(command, previous);
      // An optional value needs `=`: a word after the option may be an id.
      pending = option?.required ? option : undefined;
    } else {
      const sub =
        operands === 0
          ? command.commands.find((one) => [one.name(), ...one.aliases()].includes(previous))
          : undefined;
      if (sub) command = sub;
      else operands++;
    }
  }
  const withPrefix = (list: readonly Candidate[]) => list.filter(({ value }) => value.startsWith(word));

  if (pending) return valuesOf(pending, word);
  const assigned = /^(--[\w-]+)=(.*)$/s.exec(word);
  if (assigned) {
    const option = optionNamed(command, assigned[1] as string);
    if (option && takesValue(option)) {
      const completion = valuesOf(option, assigned[2] as string);
      const list = completion.candidates.map((one) => ({ ...one, value: `${assigned[1]}=${one.value}` }));
      return { ...completion, candidates: list };
    }
  }
  if (word.startsWith('-')) {
    const options = command.options
      .filter((option) => !option.hidden && option.long)
      .map((option) => ({ value: option.long as string, description: firstSentence(option.description) }));
    return {
      word,
      candidates: withPrefix([...options, { value: '--help', description: 'help' }]),
      files: false,
    };
  }
  const subcommands = command.commands.filter((one) => !one.name().startsWith('_'));
  if (subcommands.length > 0 && operands === 0) {
    const list = subcommands.map((one) => ({
      value: one.name(),
      description: one.summary() || one.description(),
    }));
    return { word, candidates: withPrefix(list), files: false };
  }
  const known = command.registeredArguments;
  const argument = known[operands] ?? (known.at(-1)?.variadic ? known.at(-1) : undefined);
  if (!argument) return { word, candidates: [], files: false };
  if (argument.argChoices) {
    return {
      word,
      candidates: withPrefix(argument.argChoices.map((value) => ({ value, description: '' }))),
      files: false,
    };
  }
  if (argument.name() === 'id') return { word, candidates: [], ask: 'id', files: false };
  if (argument.name() === 'ref') return { word, candidates: [], ask: 'action', files: false };
  return { word, candidates: [], files: command.name() === 'run' };
}

function valuesOf(option: Option, word: string): Completion {
  if (option.argChoices) {
    const list = option.argChoices
      .map((value) => ({ value, description: '' }))
      .filter(({ value }) => value.startsWith(word));
    return { word, candidates: list, files: false };
  }
  if (/<id>/.test(option.flags)) return { word, candidates: [], ask: 'id', files: false };
  if (/<ref>/.test(option.flags)) return { word, candidates: [], ask: 'action', files: false };
  return { word, candidates: [], files: /<(file|folder)>/.test(option.flags) };
}
