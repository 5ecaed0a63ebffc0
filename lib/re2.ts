/** The RE2 library, loaded with the first pattern that somebody gives: an idle server never needs its megabyte. */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';

export type Re2 = RE2JS;

let library: typeof import('re2js') | undefined;

/** @throws Error that says what is wrong with the pattern. Its time is linear in the text, whatever the pattern. */
export function compileRe2(pattern: string, ignoreCase = false): Re2 {
  library ??= createRequire(import.meta.url)('re2js') as typeof import('re2js');
  return library.RE2JS.compile(pattern, ignoreCase ? library.RE2JS.CASE_INSENSITIVE : 0);
}
