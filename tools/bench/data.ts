/** Log-like input: 100 bytes a line, numbers and ids that never repeat, words that do. The same on every run. */

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

export const LINE_BYTES = 100;
const WORDS =
  'request worker error timeout path users status took connection refused retry cache build step'.split(' ');

/**
 * A small deterministic generator, so that runs can be compared: mulberry32, random in its low bits too, for whose sake an
 * id's last digit says nothing about the line's number.
 */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function line(index: number, next: () => number): string {
  const word = () => WORDS[Math.floor(next() * WORDS.length)];
  const id = Math.floor(next() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
  const at = new Date(1_790_000_000_000 + index * 13).toISOString();
  return `${at} INFO n${index} ${word()} ${word()} id=${id} ${word()} user=${index % 9973} ${word()} took=${Math.floor(next() * 900)}ms`
    .padEnd(LINE_BYTES - 1, ' ')
    .slice(0, LINE_BYTES - 1);
}

/** Writes `count` lines to the file; their numbers begin at `first`. */
export async function writeLines(path: string, count: number, first = 0, seed = 1): Promise<void> {
  const file = createWriteStream(path);
  const next = random(seed);
  let block = '';
  for (let index = 0; index < count; index++) {
    block += `${line(first + index, next)}\n`;
    if (block.length >= 1 << 20) {
      if (!file.write(block)) await once(file, 'drain');
      block = '';
    }
  }
  file.end(block);
  await once(file, 'finish');
}
