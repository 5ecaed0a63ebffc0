/** Keeps the lines of chunks that match, also lines that several chunks hold in parts. */
import type { OutputAppended } from '../../events/event.ts';
import {
  type Line,
  type LineSelection,
  type LineTest,
  linesOf,
  selectLines,
  visibleText,
} from './line-selection.ts';

/** A line in parts that is longer than this is decided by its first bytes. */
const DECIDED_BYTES = 1024 * 1024;

interface OpenLine {
  seq: number;
  /** Undefined until the line is decided. */
  matched: boolean | undefined;
  /** Its bytes while it is undecided. */
  held: Uint8Array[];
  heldBytes: number;
  /** The chunk that left it undecided. */
  chunk?: OutputAppended;
}

/**
 * Keeps the lines that match. A line in parts is decided when it ends, and is sent with its last part, at the position of
 * that part. So what was sent up to a position depends only on the chunks up to it, and a reader that resumes there gets
 * exactly the rest. Lines that never ended are in `rest`.
 */
export function lineMatcher(matches: LineTest) {
  const open = new Map<string, OpenLine>();
  const keyOf = (chunk: Pick<OutputAppended, 'stream' | 'host'>) => `${chunk.stream}/${chunk.host ?? ''}`;
  const fresh = (seq: number): OpenLine => ({ seq, matched: undefined, held: [], heldBytes: 0 });

  return {
    /** True for the first chunk of its stream and host: an earlier part of its first line may be missing. */
    isFirstOf: (chunk: Pick<OutputAppended, 'stream' | 'host'>): boolean => !open.has(keyOf(chunk)),
    /** Answers what of the chunk is to be sent. */
    async push(chunk: OutputAppended): Promise<LineSelection | undefined> {
      const before = open.get(keyOf(chunk));
      let state = before?.seq === chunk.seq ? before : fresh(chunk.seq);
      const wanted: Line[] = [];
      let prefix: Uint8Array[] = [];
      for (const line of linesOf(chunk)) {
        if (line.seq !== state.seq) state = fresh(line.seq);
        const piece = chunk.data.subarray(line.start, line.end);
        if (state.matched === undefined) {
          state.heldBytes += piece.byteLength;
          if (!line.ended && state.heldBytes < DECIDED_BYTES) {
            state.held.push(piece);
            state.chunk = chunk;
            continue;
          }
          const answer = matches(
            visibleText(state.held.length > 0 ? Buffer.concat([...state.held, piece]) : piece),
          );
          state.matched = typeof answer === 'boolean' ? answer : await answer;
          if (state.matched) prefix = state.held;
          state.held = [];
        }
        if (state.matched) wanted.push(line);
        if (line.ended) state = fresh(-1);
      }
      open.set(keyOf(chunk), state);
      const part = selectLines(chunk, wanted);
      if (!part || prefix.length === 0) return part;
      return { ...part, chunk: { ...part.chunk, data: Buffer.concat([...prefix, part.chunk.data]) } };
    },
    /** Undecided lines that match as they are, each as one part at the position of its last chunk. */
    async rest(): Promise<LineSelection[]> {
      const parts: LineSelection[] = [];
      for (const { seq, matched, held, chunk } of open.values()) {
        if (matched !== undefined || held.length === 0 || !chunk) continue;
        const data = Buffer.concat(held);
        if (await matches(visibleText(data))) parts.push({ chunk: { ...chunk, seq, lines: 1, data } });
      }
      return parts;
    },
  };
}
