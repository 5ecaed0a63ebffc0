/** A line matcher for a client that resumes: a line that was begun before is matched as a whole. */
import type { OutputAppended } from '../../events/event.ts';
import type { FollowDeps } from '../follow/follow.ts';
import { lineMatcher } from './line-matcher.ts';
import { cutToRange, type LineFilter, type LineSelection, type LineTest, touches } from './line-selection.ts';
import { outputSoFar } from './output-so-far.ts';

export interface ResumableMatcher {
  /** What of the chunk is to be sent. */
  push(chunk: OutputAppended): Promise<LineSelection | undefined>;
  /** Matching lines that never ended; to be called once the execution has ended. */
  rest(): Promise<LineSelection[]>;
}

/** @param after position through which the client has everything; undefined for a client that begins. */
export function resumableMatcher(
  deps: FollowDeps,
  executionId: string,
  filter: LineFilter & { matches: LineTest },
  after: number | undefined,
  signal: AbortSignal,
): ResumableMatcher {
  const matcher = lineMatcher(filter.matches);

  /** Feeds the matcher the parts of a line that were sent before the client resumed. */
  async function catchUp(
    { seq, stream, host }: Pick<OutputAppended, 'seq' | 'stream' | 'host'>,
    through: number,
  ): Promise<void> {
    const range = { fromSeq: seq, toSeq: seq, stream, ...(host === undefined ? {} : { host }) };
    for await (const chunk of outputSoFar(deps, executionId, { range, signal })) {
      if (chunk.position > through) break;
      const line = chunk.host === host ? cutToRange(chunk, range) : undefined;
      if (line) await matcher.push(line);
    }
  }

  return {
    async push(chunk) {
      if (after !== undefined && matcher.isFirstOf(chunk)) await catchUp(chunk, after);
      return matcher.push(chunk);
    },
    async rest() {
      if (after !== undefined) {
        for (const { stream, host, partialSeq } of (await deps.log.head(executionId))?.outputs ?? []) {
          const line = { seq: partialSeq ?? 0, stream, ...(host === undefined ? {} : { host }) };
          const wanted = partialSeq !== undefined && touches({ ...line, lines: 1, at: Infinity }, filter);
          if (wanted && matcher.isFirstOf(line)) await catchUp(line, Infinity);
        }
      }
      return matcher.rest();
    },
  };
}
