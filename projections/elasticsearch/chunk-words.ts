/**
 * The words of a chunk for the index: each distinct word once, folded, and divided into terms where it is very long. Most
 * output is ASCII, which is processed byte by byte, as this is most of the cost of a document.
 */
import { isAscii } from 'node:buffer';
import { randomInt } from 'node:crypto';
import { fold, WORDS } from '../search/text.ts';

/**
 * Longer words are divided into terms that overlap by half: a text of up to half a term that occurs in the word occurs
 * whole in one of its terms.
 */
export const TERM_LENGTH = 200;
export const OVERLAP = TERM_LENGTH / 2;

const SPACE = 32;
/** A random seed, so that output cannot be written to cause collisions. */
const SEED = randomInt(2 ** 31);
/** The folded byte of an ASCII letter, digit or `_`; 0 for all others. */
const FOLDED = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9_]/.test(character) ? character.toLowerCase().charCodeAt(0) : 0;
});

/** Reused for each chunk: the words so far, a space after each, and a hash table of where they begin. */
let out = Buffer.alloc(0);
let starts = new Int32Array(0);
let lengths = new Int32Array(0);

function makeRoom(bytes: number): number {
  let slots = 1024;
  // A word with its separator takes at least two bytes, so at most half of the slots are used.
  while (slots < bytes) slots *= 2;
  if (starts.length < slots) {
    starts = new Int32Array(slots);
    lengths = new Int32Array(slots);
  } else starts.fill(0, 0, slots);
  // Terms that overlap by half take twice the room.
  if (out.length < bytes * 2 + TERM_LENGTH) out = Buffer.allocUnsafe(slots * 2 + TERM_LENGTH);
  return slots - 1;
}

function hashOf(start: number, end: number): number {
  let hash = SEED;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (out[at] as number), 0x01000193);
  return hash;
}

/** Keeps the word in `out` from `start` to `end`, unless it is there already; gives where the next one begins. */
function keep(start: number, end: number, hash: number, mask: number): number {
  const length = end - start;
  let slot = (hash ^ (hash >>> 15)) & mask;
  for (;;) {
    const known = (starts[slot] as number) - 1;
    if (known < 0) break;
    if (lengths[slot] === length) {
      let at = 0;
      while (at < length && out[known + at] === out[start + at]) at++;
      if (at === length) break;
    }
    slot = (slot + 1) & mask;
  }
  if (starts[slot] !== 0) return start;
  starts[slot] = start + 1;
  lengths[slot] = length;
  out[end] = SPACE;
  return end + 1;
}

function asciiWords(bytes: Uint8Array): string {
  const mask = makeRoom(bytes.length);
  const size = bytes.length;
  let end = 0;
  for (let at = 0; at < size; at++) {
    const start = end;
    let hash = SEED;
    for (; at < size; at++) {
      const byte = FOLDED[bytes[at] as number] as number;
      if (byte === 0) break;
      out[end++] = byte;
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    if (end === start) continue;
    if (end - start <= TERM_LENGTH) {
      end = keep(start, end, hash, mask);
      continue;
    }
    const word = Uint8Array.prototype.slice.call(out, start, end);
    end = start;
    for (let from = 0; from + OVERLAP < word.length; from += OVERLAP) {
      const term = word.subarray(from, from + TERM_LENGTH);
      out.set(term, end);
      end = keep(end, end + term.length, hashOf(end, end + term.length), mask);
    }
  }
  return out.toString('latin1', 0, Math.max(0, end - 1));
}

function otherWords(text: string): string {
  const words = new Set<string>();
  for (const [word] of fold(text).matchAll(WORDS)) {
    if (word.length <= TERM_LENGTH) words.add(word);
    else
      for (let at = 0; at + OVERLAP < word.length; at += OVERLAP) words.add(word.slice(at, at + TERM_LENGTH));
  }
  return [...words].join(' ');
}

/** The distinct words of a visible text, with spaces between. @param bytes the text as UTF-8. */
export function wordsOf(text: string, bytes: Uint8Array): string {
  return isAscii(bytes) ? asciiWords(bytes) : otherWords(text);
}
