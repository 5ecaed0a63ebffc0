/**
 * Knows which chunks begin in the middle of a line. A chunk does not say so itself: the chunk before it in its stream left
 * the line open. Remembers open lines; asks the index about streams whose beginning it has not seen.
 */
import type { OutputAppended } from '../../events/event.ts';
import type { Requests } from './client.ts';
import type { IndexNames } from './index-names.ts';

interface OpenLine {
  seq: number;
  /** Offset at which its last part ends. */
  end: number;
}

interface ContinuedLines {
  /** Judges the chunks of a batch; nothing is remembered until `commit`, so that a batch can be written again. */
  judge(chunks: readonly OutputAppended[]): Promise<{ continues: boolean[]; commit(): void }>;
}

/** Streams remembered; one that was forgotten is looked up again. */
const STREAMS_KEPT = 50_000;

/** Asks the index whether it holds an earlier part of the chunk's line. */
export function isContinuedIn(
  client: Requests,
  { outputBase }: IndexNames,
): (chunk: OutputAppended) => Promise<boolean> {
  const pattern = `${outputBase}*`;
  return async ({ executionId, stream, host, seq, position }) => {
    await client.send('POST', `/${pattern}/_refresh`, undefined, { accept: [404] });
    const filter = [
      { term: { 'linefeed.execution.id': executionId } },
      { term: { 'linefeed.stream': stream } },
      ...(host === undefined ? [] : [{ term: { 'host.name': host } }]),
      { term: { 'event.sequence': seq } },
      { term: { 'linefeed.partial': true } },
      { range: { 'linefeed.position': { lt: position } } },
    ];
    const body = { size: 1, _source: false, track_total_hits: false, query: { bool: { filter } } };
    const answer = await client.send('POST', `/${pattern}/_search`, body);
    return answer.hits.hits.length > 0;
  };
}

/** @param isContinued looks up a chunk of a stream that is not remembered. */
export function continuedLines(isContinued: (chunk: OutputAppended) => Promise<boolean>): ContinuedLines {
  /** The open line of each stream; undefined where the last line was whole. */
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
          } else answer = await isContinued(chunk);
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
