/**
 * The keys of a block in the search index: its distinct words, and its distinct groups of three and of four characters,
 * each hashed to a short key. After a collision one more block is scanned; the answer is never wrong.
 */
import { isWordCode } from '../../search/text.ts';

export const WORD_BITS = 19;
export const TRIGRAM_BITS = 14;
export const FOURGRAM_BITS = 16;
const NEWLINE = 10;

/** Sets of keys, as bits: key `k` is bit `k & 31` of element `k >> 5`. */
export interface BlockKeys {
  words: Uint32Array<ArrayBuffer>;
  trigrams: Uint32Array<ArrayBuffer>;
  fourgrams: Uint32Array<ArrayBuffer>;
}

export interface RequiredKeys {
  words: number[];
  trigrams: number[];
  fourgrams: number[];
}

const WORD_SEED = 0x811c9dc5 | 0;
const wordStep = (hash: number, code: number) => Math.imul(hash ^ code, 16777619);
const wordKey = (hash: number) => (hash ^ (hash >>> 15)) & ((1 << WORD_BITS) - 1);
/** `group` holds the last characters, a byte each, the newest lowest. */
const trigramKey = (group: number) => Math.imul(group & 0xffffff, 0x85ebca6b) >>> (32 - TRIGRAM_BITS);
const fourgramKey = (group: number) => Math.imul(group ^ (group >>> 15), 0x9e3779b1) >>> (32 - FOURGRAM_BITS);
const grow = (group: number, code: number) =>
  (group << 8) | (code < 256 ? code : (code ^ (code >>> 8)) & 255);

const ASCII_WORD = Uint8Array.from({ length: 128 }, (_, code) => (isWordCode(code) ? 1 : 0));

const bits = (count: number) => new Uint32Array(count >>> 5);

export function noKeys(): BlockKeys {
  return {
    words: bits(1 << WORD_BITS),
    trigrams: bits(1 << TRIGRAM_BITS),
    fourgrams: bits(1 << FOURGRAM_BITS),
  };
}

/**
 * All keys of the folded texts of a block.
 * @param into is emptied and filled, for callers that need the keys only for a moment.
 */
export function keysOf(texts: readonly string[], into = noKeys()): BlockKeys {
  const { words, trigrams, fourgrams } = into;
  words.fill(0);
  trigrams.fill(0);
  fourgrams.fill(0);
  for (const text of texts) {
    let group = 0;
    /** Characters since the beginning of the line. */
    let count = 0;
    let hash = 0;
    let inWord = false;
    for (let i = 0; i <= text.length; i++) {
      // The end of a text ends a line.
      const code = i < text.length ? text.charCodeAt(i) : NEWLINE;
      // The second half of a pair belongs to the word of its first half.
      const isLow = code >= 0xdc00 && code <= 0xdfff && i > 0;
      const isWord =
        code < 128 ? ASCII_WORD[code] === 1 : isLow ? inWord : isWordCode(text.codePointAt(i) ?? code);
      if (isWord) {
        // The functions above are written out here and below, as the compiler does not always inline them.
        hash = Math.imul((inWord ? hash : WORD_SEED) ^ code, 16777619);
        inWord = true;
      } else if (inWord) {
        const key = wordKey(hash);
        words[key >>> 5] = (words[key >>> 5] as number) | (1 << (key & 31));
        inWord = false;
      }
      if (code === NEWLINE) {
        count = 0;
        continue;
      }
      group = (group << 8) | (code < 256 ? code : (code ^ (code >>> 8)) & 255);
      if (++count < 3) continue;
      const three = Math.imul(group & 0xffffff, 0x85ebca6b) >>> (32 - TRIGRAM_BITS);
      trigrams[three >>> 5] = (trigrams[three >>> 5] as number) | (1 << (three & 31));
      if (count < 4) continue;
      const four = Math.imul(group ^ (group >>> 15), 0x9e3779b1) >>> (32 - FOURGRAM_BITS);
      fourgrams[four >>> 5] = (fourgrams[four >>> 5] as number) | (1 << (four & 31));
    }
  }
  return into;
}

/** Some of the groups of four of a long text are selective enough. */
const GROUPS_PER_FRAGMENT = 12;

/** Keys that a block must have to hold these words and fragments, all folded; none when they are too short. */
export function requiredKeys(words: readonly string[], fragments: readonly string[]): RequiredKeys {
  const keys = { words: new Set<number>(), trigrams: new Set<number>(), fourgrams: new Set<number>() };
  for (const word of words) {
    let hash = WORD_SEED;
    for (let i = 0; i < word.length; i++) hash = wordStep(hash, word.charCodeAt(i));
    keys.words.add(wordKey(hash));
  }
  for (const line of fragments.flatMap((fragment) => fragment.split('\n'))) {
    const length = line.length < 4 ? 3 : 4;
    const count = line.length - length + 1;
    const step = Math.max(1, count / GROUPS_PER_FRAGMENT);
    for (let at = 0; at < count; at += step) {
      let group = 0;
      const from = Math.floor(at);
      for (let i = from; i < from + length; i++) group = grow(group, line.charCodeAt(i));
      if (length === 3) keys.trigrams.add(trigramKey(group));
      else keys.fourgrams.add(fourgramKey(group));
    }
  }
  return { words: [...keys.words], trigrams: [...keys.trigrams], fourgrams: [...keys.fourgrams] };
}
