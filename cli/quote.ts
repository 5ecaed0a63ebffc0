/** Words to a shell command line and back to words a person can paste. Pure. */

/** One word that any POSIX shell reads back as exactly this text. */
export function quoteWord(word: string): string {
  if (word !== '' && /^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The command line that runs these words. A single word is a shell line as it stands (`run -- 'make | tee log'`), as
 * with ssh and watch; several words are quoted, so that each reaches the program as one argument.
 */
export function commandLine(words: readonly string[]): string {
  if (words.length === 1) return words[0] as string;
  // A leading NAME=value would be an assignment to the shell, unquoted or not needed; quoting keeps it a word.
  return words
    .map((word, index) =>
      index === 0 && /^\w+=/.test(word) ? `'${word.replaceAll("'", `'\\''`)}'` : quoteWord(word),
    )
    .join(' ');
}
