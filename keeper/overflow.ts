/**
 * A source beyond the output limit: what is left out is counted, and its end is kept, because the end of an output is
 * what people read first. The state survives the keeper in a file of its own, written at most once a second.
 */
import { closeSync, renameSync, rmSync, writeSync } from 'node:fs';
import { encodeOmitted, type Omitted } from './frames.ts';
import { countNewlines, NEWLINE } from './newlines.ts';
import { createOwn, readOwn } from './own-file.ts';

const TAIL_BYTES = 65_536;
const MAX_STATE_BYTES = 2 * TAIL_BYTES;
const SAVE_MS = 1000;

export interface Overflow {
  take(bytes: Buffer): void;
  /** Payload of the `omitted` frame. Nothing was left out when its `bytes` is 0. */
  encode(): Buffer;
  /** Bytes of the source that were left out or are kept here. */
  readonly bytes: number;
}

interface State {
  omitted: Omitted;
  tail: Buffer;
}

function load(path: string): State | undefined {
  try {
    const text = readOwn(path, MAX_STATE_BYTES);
    if (!text) return undefined;
    const end = text.indexOf(0);
    const omitted = JSON.parse(text.subarray(0, end).toString()) as Omitted;
    return { omitted: { ...omitted, exact: false }, tail: text.subarray(end + 1) };
  } catch {
    return undefined;
  }
}

/** @param path where the state is kept; an earlier one is taken up. */
export function openOverflow(path: string): Overflow {
  const state = load(path) ?? { omitted: { bytes: 0, lines: 0, exact: true }, tail: Buffer.alloc(0) };
  const { omitted } = state;
  /** The newest bytes, as they were read; joined when there are too many. */
  let parts: Buffer[] = [state.tail];
  let kept = state.tail.length;
  let savedAt = 0;

  function leaveOut(bytes: Buffer): void {
    omitted.bytes += bytes.length;
    omitted.lines += countNewlines(bytes);
  }

  /** Keeps at most `TAIL_BYTES`, from the beginning of a line where there is one. */
  function shorten(): Buffer {
    const all = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    const over = all.length - TAIL_BYTES;
    const newline = over > 0 ? all.indexOf(NEWLINE, over) : -1;
    const from = over <= 0 ? 0 : newline === -1 ? over : newline + 1;
    leaveOut(all.subarray(0, from));
    const tail = Buffer.from(all.subarray(from));
    parts = [tail];
    kept = tail.length;
    return tail;
  }

  function save(): void {
    savedAt = Date.now();
    try {
      const next = `${path}.new`;
      rmSync(next, { force: true });
      const file = createOwn(next);
      writeSync(file, encodeOmitted(omitted, shorten()));
      closeSync(file);
      renameSync(next, path);
    } catch {
      // A full disk: a keeper that is killed now counts from the last state that was saved.
    }
  }

  return {
    take(bytes) {
      parts.push(Buffer.from(bytes));
      kept += bytes.length;
      if (kept > 4 * TAIL_BYTES) shorten();
      if (Date.now() - savedAt >= SAVE_MS) save();
    },
    encode() {
      const tail = shorten();
      return encodeOmitted(omitted, tail);
    },
    get bytes() {
      return omitted.bytes + kept;
    },
  };
}
