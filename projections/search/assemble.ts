/**
 * Lines out of chunks: the parts of a line are joined, chunks of whole lines stay as they are. A line belongs to the chunk
 * in which it begins; the end of a line that began in an earlier chunk is left to whoever has that chunk.
 */
import type { OutputAppended, StreamName } from '../../events/event.ts';

/** How many bytes of a line are searched. */
const SEARCHED_BYTES = 1_048_576;

/** A line that arrived in parts, as far as it was seen. */
export interface JoinedLine {
  seq: number;
  stream: StreamName;
  host: string | undefined;
  at: number;
  parts: Uint8Array[];
  bytes: number;
}

export interface Assembled {
  /** Chunks of whole lines, in order. */
  whole: OutputAppended[];
  /** Lines that arrived in parts and are complete. */
  joined: JoinedLine[];
  /** Lines that begin here and continue in later chunks of their stream. */
  open: Map<string, JoinedLine>;
}

const streamKey = (chunk: OutputAppended) => `${chunk.stream} ${chunk.host ?? ''}`;

function addPart(line: JoinedLine, data: Uint8Array): void {
  if (line.bytes >= SEARCHED_BYTES) return;
  line.parts.push(data.subarray(0, SEARCHED_BYTES - line.bytes));
  line.bytes += data.byteLength;
}

/** Divides a chunk whose last line continues into its whole lines, if any, and the beginning of that line. */
function splitOpenLine(chunk: OutputAppended): { whole: OutputAppended | undefined; line: JoinedLine } {
  const { seq, lines, stream, host, at, data } = chunk;
  const cut = lines > 1 ? data.lastIndexOf(10) + 1 : 0;
  const { partial: _, ...rest } = chunk;
  const whole = cut > 0 ? { ...rest, lines: lines - 1, data: data.subarray(0, cut) } : undefined;
  const line: JoinedLine = { seq: seq + lines - 1, stream, host, at, parts: [], bytes: 0 };
  addPart(line, data.subarray(cut));
  return { whole, line };
}

/**
 * @param chunks of one execution, in order, without gaps.
 * @param seqBefore the highest line number in the chunks before these: a chunk that has it again continues that line.
 */
export function assemble(chunks: readonly OutputAppended[], seqBefore: number): Assembled {
  const result: Assembled = { whole: [], joined: [], open: new Map() };
  // Streams that are in the middle of a line which began before these chunks.
  const foreign = new Set<string>();
  let highest = seqBefore;
  for (const chunk of chunks) {
    const key = streamKey(chunk);
    const open = result.open.get(key);
    const continues = open !== undefined || foreign.has(key) || chunk.seq <= highest;
    highest = Math.max(highest, chunk.seq + chunk.lines - 1);
    if (!continues && !chunk.partial) result.whole.push(chunk);
    else if (!continues) {
      const { whole, line } = splitOpenLine(chunk);
      if (whole) result.whole.push(whole);
      result.open.set(key, line);
    } else if (open) {
      addPart(open, chunk.data);
      if (chunk.partial) continue;
      result.joined.push(open);
      result.open.delete(key);
    } else if (chunk.partial) foreign.add(key);
    else foreign.delete(key);
  }
  return result;
}

/** Continues the open lines in later chunks; true while some are still open and can become longer. */
export function continueLines(assembled: Assembled, later: readonly OutputAppended[]): boolean {
  for (const chunk of later) {
    const key = streamKey(chunk);
    const open = assembled.open.get(key);
    if (!open) continue;
    if (chunk.seq === open.seq) addPart(open, chunk.data);
    if (chunk.seq !== open.seq || !chunk.partial || open.bytes >= SEARCHED_BYTES) {
      assembled.joined.push(open);
      assembled.open.delete(key);
    }
  }
  return assembled.open.size > 0;
}
