/**
 * How large a regular expression becomes when its counted repetitions are written out, estimated from its text: the
 * library allocates all of it before it can be asked, which takes a second for `(\pL{0,1000}|y)` written 55 times.
 */

/** The end of a class `[…]` that begins at `at`. */
function classEnd(source: string, at: number): number {
  let end = at + 1;
  if (source[end] === '^') end++;
  if (source[end] === ']') end++;
  while (end < source.length && source[end] !== ']') end += source[end] === '\\' ? 2 : 1;
  return end + 1;
}

/** The number of atoms after every `{n,m}` is written out, and of Unicode classes as they stand. */
export function expandedSize(source: string): { atoms: number; unicodeClasses: number } {
  /** Sizes of the groups that are open, the whole expression first. */
  const open = [0];
  /** What a repetition that follows would repeat. */
  let last = 0;
  const add = (size: number) => {
    open.push((open.pop() ?? 0) + size);
    last = size;
  };
  for (let at = 0; at < source.length; ) {
    const char = source[at];
    const [whole, least = '0', comma, most] =
      /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(source.slice(at, at + 12)) ?? [];
    if (whole !== undefined) {
      const times = comma === undefined ? Number(least) : Math.max(Number(most), Number(least) + 1);
      add(last * (times - 1));
      at += whole.length;
    } else if (char === '(') {
      open.push(0);
      at++;
    } else if (char === ')' && open.length > 1) {
      add(open.pop() ?? 0);
      at++;
    } else {
      add(1);
      at = char === '[' ? classEnd(source, at) : at + (char === '\\' ? 2 : 1);
    }
  }
  const atoms = open.reduce((sum, size) => sum + size, 0);
  return { atoms, unicodeClasses: source.match(/\\[pP]/g)?.length ?? 0 };
}
