/** Wildcards of users and configurations, matched without backtracking: time is at most text length × pattern length. */

/**
 * Whether the whole text matches. `*` stands for any text; `?` stands for one character when `one` is true.
 * Case counts.
 */
export function globMatches(pattern: string, text: string, one = false): boolean {
  let at = 0;
  let next = 0;
  /** The last `*` and where the text behind it begins: only that star ever has to take more. */
  let star = -1;
  let behind = 0;
  while (at < text.length) {
    const wanted = pattern[next];
    if (wanted === '*') {
      star = next++;
      behind = at;
    } else if (next < pattern.length && (wanted === text[at] || (one && wanted === '?'))) {
      next++;
      at++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++behind;
    } else return false;
  }
  while (pattern[next] === '*') next++;
  return next === pattern.length;
}
