/**
 * An execution's output without its text: which lines were printed when, from which stream and host, as runs. A viewer
 * learns from it about lines that it does not hold: which ones a filter leaves, and when a replay shows them.
 */
import type { OutputAppended } from '../../events/event.ts';

export interface Outline {
  /** Position of the last chunk that is in it; -1 when there is none. */
  through: number;
  last_seq: number;
  hosts: string[];
  /** `[first line, lines, 0 for stdout or 1 for stderr, index of the host or -1, milliseconds since the epoch]`, by line. */
  runs: [number, number, number, number, number][];
  /** `[line, characters of it until then, milliseconds since the epoch]`: when an unfinished line was continued, by time. */
  pieces: [number, number, number][];
}

/** Chunks of one stream this close to the first of their run are one run, at least. */
const LEAST_MS = 20;
/** A replay is drawn in at most about so many steps. */
const STEPS = 5000;

/** Characters of a chunk's last line, which is not ended, and of its first when it goes on with one that was there. */
const charsOf = (data: Uint8Array) => new TextDecoder().decode(data).length;
const NEWLINE = 0x0a;

/** @param durationMs of the whole execution, which decides how close in time chunks of one run are. */
export async function outline(
  batches: AsyncIterable<readonly OutputAppended[]>,
  durationMs: number,
): Promise<Outline> {
  const result: Outline = { through: -1, last_seq: 0, hosts: [], runs: [], pieces: [] };
  /** Per stream and host the unfinished line, and when it was last continued. */
  const begun = new Map<string, { seq: number; chars: number; at: number }>();
  const hosts = new Map<string, number>();
  const within = Math.max(LEAST_MS, durationMs / STEPS);
  for await (const chunks of batches) {
    for (const { position, seq, lines, stream, host, at, data, partial } of chunks) {
      result.through = Math.max(result.through, position);
      const end = seq + lines - 1;
      const source = `${stream}/${host ?? ''}`;
      const open = begun.get(source);
      if (open?.seq === seq && at - open.at >= within) {
        result.pieces.push([seq, open.chars, at]);
        open.at = at;
      }
      if (partial) {
        const chars = charsOf(data.subarray(data.lastIndexOf(NEWLINE) + 1));
        if (open?.seq === end) open.chars += chars;
        else begun.set(source, { seq: end, chars, at });
      } else if (open) begun.delete(source);
      // A part of a line that is there already adds no line.
      const from = Math.max(seq, result.last_seq + 1);
      if (from > end) continue;
      result.last_seq = end;
      let by = -1;
      if (host !== undefined) {
        by = hosts.get(host) ?? hosts.size;
        if (by === hosts.size) {
          hosts.set(host, by);
          result.hosts.push(host);
        }
      }
      const of = stream === 'stderr' ? 1 : 0;
      const last = result.runs.at(-1);
      if (last && last[2] === of && last[3] === by && last[0] + last[1] === from && at - last[4] < within) {
        last[1] += end - from + 1;
      } else result.runs.push([from, end - from + 1, of, by, at]);
    }
  }
  return result;
}
