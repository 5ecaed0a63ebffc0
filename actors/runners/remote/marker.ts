/** Removes the bootstrap's marker with its process group id from a host's stderr; everything else passes unchanged. */
import { Transform } from 'node:stream';

/** A login prints less than this before the shell starts. Then the search stops and everything passes. */
const MAX_SEARCH_BYTES = 1 << 20;

/** @param found called once, with the process group id. */
export function takeMarker(marker: string, found: (pid: number) => void): Transform {
  const wanted = Buffer.from(marker);
  let held = Buffer.alloc(0);
  let searched = 0;
  let done = false;

  /** Returns the bytes that can pass, and keeps those that may be the start of the marker. */
  function search(): Buffer {
    const at = held.indexOf(wanted);
    if (at < 0) {
      const maybe = held.lastIndexOf(wanted[0] as number);
      const keep = maybe >= 0 && held.length - maybe < wanted.length ? maybe : held.length;
      const pass = held.subarray(0, keep);
      held = held.subarray(keep);
      return pass;
    }
    const end = held.indexOf(0x0a, at);
    if (end < 0) {
      const pass = held.subarray(0, at);
      held = held.subarray(at);
      return pass;
    }
    done = true;
    found(Number(held.toString('latin1', at + wanted.length, end)));
    return Buffer.concat([held.subarray(0, at), held.subarray(end + 1)]);
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      if (done) return next(null, chunk);
      held = Buffer.concat([held, chunk]);
      searched += chunk.length;
      if (searched > MAX_SEARCH_BYTES) {
        done = true;
        return next(null, held);
      }
      const pass = search();
      next(null, pass.length > 0 ? pass : undefined);
    },
    flush(finish) {
      finish(null, !done && held.length > 0 ? held : undefined);
    },
  });
}
