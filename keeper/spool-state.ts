/** What the segments of an execution say, read once by a keeper that finds them. Output is not loaded. */
import { closeSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { HEAD_BYTES, KIND, parseFrame, segmentName, segmentNumbers } from './frames.ts';
import { NEWLINE } from './newlines.ts';
import { openOwn } from './own-file.ts';

export interface SpoolState {
  /** Bytes of each source in the spool and in what was deleted of it. */
  totals: number[];
  /** Sources that have ended. */
  ended: number[];
  /** Sources whose last line has no end yet. */
  unfinished: number[];
  started: boolean;
  exited: boolean;
  /** Nothing follows. */
  over: boolean;
}

/** A frame that was torn when a keeper was killed counts as far as it is there. */
export function readSpoolState(folder: string): SpoolState {
  const state: SpoolState = {
    totals: [],
    ended: [],
    unfinished: [],
    started: false,
    exited: false,
    over: false,
  };
  const open = new Set<number>();
  for (const [index, number] of segmentNumbers(readdirSync(folder)).entries()) {
    readSegment(join(folder, segmentName(number)), index === 0, state, open);
  }
  state.unfinished = [...open];
  return state;
}

function readSegment(path: string, first: boolean, state: SpoolState, open: Set<number>): void {
  const file = openOwn(path);
  if (!file) return;
  const { fd, size } = file;
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    for (let at = 0; at + HEAD_BYTES <= size; ) {
      readSync(fd, head, 0, HEAD_BYTES, at);
      const length = head.readUInt32BE(0);
      const kind = head[4];
      const source = head.readUInt16BE(6);
      const there = Math.min(length, size - at - HEAD_BYTES);
      if (kind === KIND.data && there > 0) {
        state.totals[source] = (state.totals[source] ?? 0) + there;
        const last = Buffer.alloc(1);
        readSync(fd, last, 0, 1, at + HEAD_BYTES + there - 1);
        if (last[0] === NEWLINE) open.delete(source);
        else open.add(source);
      } else if (kind === KIND.base && first && there === length) state.totals = baseOf(fd, at, length);
      else if (kind === KIND.eof) state.ended.push(source);
      else if (kind === KIND.started) state.started = true;
      else if (kind === KIND.exited && there === length) state.exited = true;
      else if (kind === KIND.end) state.over = true;
      at += HEAD_BYTES + length;
    }
  } finally {
    closeSync(fd);
  }
}

function baseOf(fd: number, at: number, length: number): number[] {
  const bytes = Buffer.alloc(HEAD_BYTES + length);
  readSync(fd, bytes, 0, bytes.length, at);
  return JSON.parse(parseFrame(bytes, 0).frame?.payload.toString() ?? '[]') as number[];
}
