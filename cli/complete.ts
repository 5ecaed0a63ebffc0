/**
 * What can come next on a command line, read from commander's tree. Pure: what only the server knows is named, not
 * asked for.
 */
import type { Command, Option } from 'commander';

export interface Candidate {
  value: string;
  says: string;
}

export interface Completion {
  /** The word being typed. */
  word: string;
  candidates: Candidate[];
  /** Values that the server has: execution ids or action references. */
  ask?: 'id' | 'action';
  /** File names fit here when nothing else does. */
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

/** `words` are those after the program's name; the last is the one being typed and may be empty. */
export function candidates(program: Command, words: readonly string[]): Completion {
  const word = words.at(-1) ?? '';
  let command = program;
  let operands = 0;
  let pending: Option | undefined;
  for (const done of words.slice(0, -1)) {
    if (done === '--') return { word, candidates: [], files: true };
    if (pending) pending = undefined;
    else if (done.startsWith('-')) {
      const option = optionNamed(command, done);
      // An optional value is only taken with `=`, so that a following id stays one.
      pending = option?.required ? option : undefined;
    } else {
      const sub =
        operands === 0
          ? command.commands.find((one) => [one.name(), ...one.aliases()].includes(done))
          : undefined;
      if (sub) command = sub;
      else operands++;
    }
  }
  const starting = (list: readonly Candidate[]) => list.filter(({ value }) => value.startsWith(word));

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
      .map((option) => ({ value: option.long as string, says: firstSentence(option.description) }));
    return { word, candidates: starting([...options, { value: '--help', says: 'help' }]), files: false };
  }
  const subcommands = command.commands.filter((one) => !one.name().startsWith('_'));
  if (subcommands.length > 0 && operands === 0) {
    const list = subcommands.map((one) => ({ value: one.name(), says: one.summary() || one.description() }));
    return { word, candidates: starting(list), files: false };
  }
  const known = command.registeredArguments;
  const argument = known[operands] ?? (known.at(-1)?.variadic ? known.at(-1) : undefined);
  if (!argument) return { word, candidates: [], files: false };
  if (argument.argChoices) {
    return {
      word,
      candidates: starting(argument.argChoices.map((value) => ({ value, says: '' }))),
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
      .map((value) => ({ value, says: '' }))
      .filter(({ value }) => value.startsWith(word));
    return { word, candidates: list, files: false };
  }
  if (/<id>/.test(option.flags)) return { word, candidates: [], ask: 'id', files: false };
  if (/<ref>/.test(option.flags)) return { word, candidates: [], ask: 'action', files: false };
  return { word, candidates: [], files: /<(file|folder)>/.test(option.flags) };
}
