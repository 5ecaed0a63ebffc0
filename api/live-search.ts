/**
 * Hits as they are printed: the lines of live batches that match a search, as SSE.
 */
import { wireTime } from '../events/codec.ts';
import type { ExecutionEvent } from '../events/event.ts';
import type { LogBatch } from '../events/event-log.ts';
import type { Matcher } from '../projections/matcher.ts';
import type { SearchHit, SearchLine, SearchRequest } from '../projections/search.ts';
import { checkpointToken } from './checkpoint-token.ts';
import { sseFrame } from './frames.ts';
import {
  cutToRange,
  type LineFilter,
  lineMatcher,
  linesOf,
  type Part,
  seqsOf,
  visibleText,
} from './lines.ts';
import type { Writer } from './respond.ts';
import { gather } from './writes.ts';

export interface LiveSearch {
  request: SearchRequest;
  matcher: Matcher;
  nameOf: (event: ExecutionEvent) => Promise<string | undefined>;
  writer: Writer;
}

/** Sends every line that matches, once it has ended or its execution has. Ends with the batches. */
export async function writeHits(batches: AsyncIterable<LogBatch>, search: LiveSearch): Promise<void> {
  const { request, matcher, nameOf, writer } = search;
  const { executionId, stream, host, action, since } = request;
  const filter: LineFilter = {
    ...(stream ? { stream } : {}),
    ...(host ? { host } : {}),
    ...(since === undefined ? {} : { since }),
  };
  const matches = (text: string) => matcher.matchLine(text) !== null;
  const running = new Map<string, ReturnType<typeof lineMatcher>>();

  async function hits(event: ExecutionEvent): Promise<SearchHit[]> {
    const id = event.executionId;
    if (executionId !== undefined && id !== executionId) return [];
    let parts: Part[] = [];
    if (event.type === 'output.appended') {
      const cut = cutToRange(event, filter);
      if (!cut) return [];
      const lines = running.get(id) ?? lineMatcher(matches);
      running.set(id, lines);
      const part = lines.push(cut);
      if (part) parts = [part];
    } else if (event.type === 'execution.completed' || event.type === 'execution.abandoned') {
      parts = running.get(id)?.rest() ?? [];
      running.delete(id);
    }
    if (parts.length === 0) return [];
    const name = await nameOf(event);
    if (action !== undefined && name !== action) return [];
    return parts.flatMap((part) => hitsOf(part, name ?? ''));
  }

  function hitsOf(part: Part, name: string): SearchHit[] {
    const { chunk } = part;
    const seqs = seqsOf(part);
    return linesOf(chunk).flatMap((line, at) => {
      const text = visibleText(chunk.data.subarray(line.start, line.end));
      const highlights = matcher.matchLine(text);
      // Later pieces of a very long line that was sent already are no hits of their own.
      if (!highlights) return [];
      const found: SearchHit = {
        executionId: chunk.executionId,
        action: name,
        seq: seqs[at] ?? line.seq,
        stream: chunk.stream,
        ...(chunk.host === undefined ? {} : { host: chunk.host }),
        at: chunk.at,
        text: text.slice(0, SHOWN_CHARACTERS),
        highlights: highlights.filter(([, end]) => end <= SHOWN_CHARACTERS),
      };
      return [found];
    });
  }

  for await (const { events, checkpoint } of batches) {
    const found: SearchHit[] = [];
    for (const event of events) found.push(...(await hits(event)));
    // The last hit of a batch carries the place after it: a client that was cut off goes on from there.
    const frames = found.map((hit, at) =>
      sseFrame('hit', at === found.length - 1 ? checkpointToken(checkpoint) : undefined, hitJson(hit)),
    );
    for (const bytes of gather(frames)) {
      const room = writer.write(bytes);
      if (room) await room;
    }
    if (writer.signal.aborted) return;
  }
}

/** As much of a line as a search shows, live or not. */
const SHOWN_CHARACTERS = 64 * 1024;

export function hitJson(hit: SearchHit): Record<string, unknown> {
  return {
    execution_id: hit.executionId,
    action: hit.action,
    ...lineJson(hit),
    highlights: hit.highlights,
    ...(hit.before ? { before: hit.before.map(lineJson) } : {}),
    ...(hit.after ? { after: hit.after.map(lineJson) } : {}),
  };
}

function lineJson({ seq, stream, host, at, text }: SearchLine): Record<string, unknown> {
  return { seq, stream, ...(host === undefined ? {} : { host }), at: wireTime(at), text };
}
