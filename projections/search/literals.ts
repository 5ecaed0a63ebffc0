/**
 * Texts that every match of a regular expression contains, found without running it. It is careful: an element that it does
 * not understand ends a literal, and an alternation at the top level gives none.
 */

/** Index after the bracket expression or the group that begins at `at`. */
export function behindGroup(pattern: string, at: number): number {
  if (pattern.charAt(at) === '[') {
    let i = at + 1;
    if (pattern.charAt(i) === '^') i++;
    // A closing bracket in first position stands for itself.
    if (pattern.charAt(i) === ']') i++;
    while (i < pattern.length && pattern.charAt(i) !== ']') {
      if (pattern.startsWith('[:', i)) i = pattern.indexOf(':]', i) + 1;
      else if (pattern.charAt(i) === '\\') i++;
      i++;
    }
    return i + 1;
  }
  let i = at + 1;
  while (i < pattern.length && pattern.charAt(i) !== ')') {
    if (pattern.charAt(i) === '(' || pattern.charAt(i) === '[') i = behindGroup(pattern, i);
    else i += pattern.charAt(i) === '\\' ? 2 : 1;
  }
  return i + 1;
}

/** Index after an escape that stands for a class or a code, not for the character itself. */
export function behindEscape(pattern: string, at: number): number {
  const rest = pattern.slice(at + 1);
  const [length = ''] = /^(?:[pP]\{[^}]*\}|[pP].|x\{[^}]*\}|x[0-9a-fA-F]{2}|[0-7]{1,3}|.)/s.exec(rest) ?? [];
  return at + 1 + length.length;
}

/**
 * With `ignoreCase`, only characters whose other cases all fold to them are kept: not `s`, which `ſ` matches, and
 * nothing beyond ASCII.
 */
export function requiredLiterals(pattern: string, ignoreCase: boolean): string[] {
  if (pattern.includes('\\Q')) return [];
  const anyCase = ignoreCase || /\(\?[a-zA-Z-]*i/.test(pattern);
  const found: string[] = [];
  let current: string[] = [];
  const cut = () => {
    if (current.length > 0) found.push(current.join(''));
    current = [];
  };
  const add = (char: string) => {
    if (anyCase && !/^[\x20-\x7e]$/.test(char)) cut();
    else if (anyCase && /s/i.test(char)) cut();
    else current.push(char);
  };
  for (let at = 0; at < pattern.length; ) {
    const char = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
    if (char === '|') return [];
    if (char === '(' || char === '[') {
      cut();
      at = behindGroup(pattern, at);
    } else if (char === '\\') {
      const next = pattern.charAt(at + 1);
      if (/[A-Za-z0-9]/.test(next)) {
        cut();
        at = behindEscape(pattern, at);
      } else {
        add(next);
        at += 2;
      }
    } else if ('*?{'.includes(char)) {
      // The repeated character may be absent.
      current.pop();
      cut();
      at += /^\{\d*,?\d*\}/.exec(pattern.slice(at))?.[0].length ?? 1;
    } else {
      if ('.^$+'.includes(char)) cut();
      else add(char);
      at += char.length;
    }
  }
  cut();
  return found;
}
