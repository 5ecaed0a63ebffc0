/** Expressions that are small enough to be let in, and texts for which they are as costly as they get. */

/** Almost each character of {@link abText} makes a new state of its automaton. */
export const COSTLY = '(a[ab]{0,30}){12}[^ab]';

/** As if by chance, and the same in every run. */
export function abText(length: number, seed = 1): string {
  let state = seed;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += state >>> 31 ? 'a' : 'b';
  }
  return text;
}
