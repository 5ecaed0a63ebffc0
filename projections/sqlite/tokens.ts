/**
 * What the full-text index knows of a block: its distinct words and distinct groups of three characters, each hashed to
 * a short token. Handing FTS5 these instead of the text is some five times faster and smaller than its trigram tokenizer;
 * a collision costs a look into one block, never a wrong answer.
 */
import { isWordCode } from '../text.ts';

/** Token characters; all belong to tokens for FTS5's `ascii` tokenizer with `-_.` added. */
const ALPHABET = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789-_.');
const DIGITS = 4;
const TRIGRAM_BITS = 21;
const WORD_BITS = 20;
/** Ends a word's token, so that it differs from any trigram's. */
const WORD_MARK = ALPHABET[22] as number;
const SPACE = 32;
const NEWLINE = 10;

function trigramKey(a: number, b: number, c: number): number {
  if ((a | b | c) < 128) return (a << 14) | (b << 7) | c;
  const mixed = Math.imul(Math.imul(Math.imul(a, 0x9e3779b1) ^ b, 0x85ebca6b) ^ c, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 15)) & ((1 << TRIGRAM_BITS) - 1);
}

const WORD_SEED = 0x811c9dc5 | 0;
const wordStep = (hash: number, code: number) => Math.imul(hash ^ code, 16777619);
const wordKey = (hash: number) => (hash ^ (hash >>> 15)) & ((1 << WORD_BITS) - 1);

function writeToken(out: Uint8Array, at: number, key: number, isWord: boolean): number {
  let value = key;
  let place = at;
  for (let i = 0; i < DIGITS; i++) {
    out[place++] = ALPHABET[value % ALPHABET.length] as number;
    value = Math.floor(value / ALPHABET.length);
  }
  if (isWord) out[place++] = WORD_MARK;
  out[place++] = SPACE;
  return place;
}

function token(key: number, isWord: boolean): string {
  const out = Buffer.alloc(DIGITS + 2);
  return out.toString('latin1', 0, writeToken(out, 0, key, isWord) - 1);
}

/** Marks which keys a block has; made when first needed, as an idle server should not carry them. */
let seen: { trigrams: Uint8Array; words: Uint8Array } | undefined;

/** All tokens of the folded texts of a block, once each, separated by spaces. */
export function tokensOf(texts: readonly string[]): string {
  seen ??= { trigrams: new Uint8Array(1 << TRIGRAM_BITS), words: new Uint8Array(1 << WORD_BITS) };
  const { trigrams, words } = seen;
  const trigramKeys: number[] = [];
  const wordKeys: number[] = [];
  const endWord = (hash: number) => {
    const key = wordKey(hash);
    if (words[key]) return;
    words[key] = 1;
    wordKeys.push(key);
  };
  for (const text of texts) {
    let a = NEWLINE;
    let b = NEWLINE;
    let hash = 0;
    let inWord = false;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (a !== NEWLINE && b !== NEWLINE && c !== NEWLINE) {
        const key = trigramKey(a, b, c);
        if (!trigrams[key]) {
          trigrams[key] = 1;
          trigramKeys.push(key);
        }
      }
      a = b;
      b = c;
      // The second half of a pair belongs to the word of its first half.
      const isLow = c >= 0xdc00 && c <= 0xdfff && i > 0;
      if (isLow ? inWord : isWordCode(c < 128 ? c : (text.codePointAt(i) ?? c))) {
        hash = wordStep(inWord ? hash : WORD_SEED, c);
        inWord = true;
      } else if (inWord) {
        endWord(hash);
        inWord = false;
      }
    }
    if (inWord) endWord(hash);
  }
  const out = Buffer.alloc((trigramKeys.length + wordKeys.length) * (DIGITS + 2));
  let end = 0;
  for (const key of trigramKeys) {
    end = writeToken(out, end, key, false);
    trigrams[key] = 0;
  }
  for (const key of wordKeys) {
    end = writeToken(out, end, key, true);
    words[key] = 0;
  }
  return out.toString('latin1', 0, end);
}

/** A long text is narrowed down enough by some of its trigrams; each costs a list to read. */
const TRIGRAMS_PER_FRAGMENT = 10;

/** Tokens that a block must have to hold these words and fragments; none when they are too short to tell. */
export function requiredTokens(words: readonly string[], fragments: readonly string[]): string[] {
  const tokens = new Set<string>();
  for (const word of words) {
    let hash = WORD_SEED;
    for (let i = 0; i < word.length; i++) hash = wordStep(hash, word.charCodeAt(i));
    tokens.add(token(wordKey(hash), true));
  }
  for (const fragment of fragments) {
    const count = fragment.length - 2;
    const step = Math.max(1, count / TRIGRAMS_PER_FRAGMENT);
    for (let at = 0; at < count; at += step) {
      const i = Math.floor(at);
      const codes = [0, 1, 2].map((k) => fragment.charCodeAt(i + k)) as [number, number, number];
      if (!codes.includes(NEWLINE)) tokens.add(token(trigramKey(...codes), false));
    }
  }
  return [...tokens];
}
