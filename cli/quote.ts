/** Quotes words for a shell command line. Pure. */

/** Quotes text so that any POSIX shell reads it as this one word. */
export function quoteWord(word: string): string {
  if (word !== '' && /^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The shell command line for these words. A single word is already a shell line (`run -- 'make | tee log'`), as with ssh
 * and watch. Several words are quoted, so that each reaches the program as one argument.
 */
export function commandLine(words: readonly string[]): string {
  if (words.length === 1) return words[0] as string;
  // Quotes keep a leading NAME=value from becoming an assignment.
  return words
    .map((word, index) =>
      index === 0 && /^\w+=/.test(word) ? `'${word.replaceAll("'", `'\\''`)}'` : quoteWord(word),
    )
    .join(' ');
}
