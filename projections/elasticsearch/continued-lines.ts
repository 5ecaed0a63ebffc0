/**
 * Knows which chunks begin in the middle of a line, which the chunk itself does not say: the one before it in its stream
 * left the line open. Remembers open lines; asks the index about streams it has not seen from their start.
 */
import type { OutputAppended } from '../../events/event.ts';

interface OpenLine {
  seq: number;
  /** Where the piece ends. */
  end: number;
}

export interface ContinuedLines {
  /** Judges the chunks of a batch; nothing is remembered until `commit`, so that a batch can be written again. */
  judge(chunks: readonly OutputAppended[]): Promise<{ continues: boolean[]; commit(): void }>;
}

/** Streams remembered; one that was forgotten is looked up again. */
const STREAMS_KEPT = 50_000;

/** `ask` answers whether the index holds an unfinished piece of this line in front of the chunk. */
export function continuedLines(ask: (chunk: OutputAppended) => Promise<boolean>): ContinuedLines {
  const streams = new Map<string, OpenLine | undefined>();
  return {
    async judge(chunks) {
      const changed = new Map<string, OpenLine | undefined>();
      const continues: boolean[] = [];
      for (const chunk of chunks) {
        const key = `${chunk.executionId}:${chunk.host ?? ''}:${chunk.stream}`;
        let answer = false;
        if (chunk.lines === 1 && chunk.offset > 0) {
          if (changed.has(key) || streams.has(key)) {
            const line = changed.has(key) ? changed.get(key) : streams.get(key);
            answer = line !== undefined && line.seq === chunk.seq && chunk.offset >= line.end;
          } else answer = await ask(chunk);
        }
        continues.push(answer);
        const last = chunk.seq + chunk.lines - 1;
        changed.set(key, chunk.partial ? { seq: last, end: chunk.offset + chunk.bytes } : undefined);
      }
      return {
        continues,
        commit() {
          for (const [key, line] of changed) {
            streams.delete(key);
            streams.set(key, line);
          }
          for (const key of streams.keys()) {
            if (streams.size <= STREAMS_KEPT) break;
            streams.delete(key);
          }
        },
      };
    },
  };
}
