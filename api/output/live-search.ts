/**
 * Hits as they are printed: the lines of live batches that match a search, as SSE.
 */
import { wireTime } from '../../events/codec.ts';
import { type ExecutionEvent, isEnd, type Status } from '../../events/event.ts';
import type { LogBatch } from '../../events/event-log.ts';
import type { Matcher } from '../../projections/search/matcher.ts';
import type { SearchHit, SearchLine, SearchRequest } from '../../projections/search/search.ts';
import type { Writer } from '../http/respond.ts';
import { sseMessage } from '../http/sse.ts';
import { checkpointToken } from './checkpoint-token.ts';
import { coalesce } from './coalesce.ts';
import { lineMatcher } from './line-matcher.ts';
import {
  cutToRange,
  type LineFilter,
  type LineSelection,
  linesOf,
  seqsOf,
  visibleText,
} from './line-selection.ts';
import { inSlices } from './slices.ts';

export interface LiveSearch {
  request: SearchRequest;
  matcher: Matcher;
  nameOf: (event: ExecutionEvent) => Promise<string | undefined>;
  /** What an execution is in, of which no change was seen. */
  statusOf: (executionId: string) => Promise<Status | undefined>;
  writer: Writer;
}

/** What the event makes of its execution; undefined when nothing. */
function statusAfter(event: ExecutionEvent): Status | undefined {
  switch (event.type) {
    case 'execution.requested':
      return 'requested';
    case 'execution.scheduled':
      return 'scheduled';
    case 'execution.started':
      return 'running';
    case 'execution.cancel_requested':
      return 'canceling';
    case 'execution.completed':
      return event.status;
    case 'execution.abandoned':
      return 'abandoned';
    case 'output.appended':
      return undefined;
  }
}

/** Sends every line that matches, once it has ended or its execution has. Ends with the batches. */
export async function writeHits(batches: AsyncIterable<LogBatch>, search: LiveSearch): Promise<void> {
  const { request, matcher, nameOf, statusOf, writer } = search;
  const { executionId, stream, host, action, status, since, until } = request;
  const filter: LineFilter = {
    ...(stream ? { stream } : {}),
    ...(host ? { host } : {}),
    ...(since === undefined ? {} : { since }),
  };
  const matchLine = inSlices((text: string) => matcher.matchLine(text));
  const matches = async (text: string) => (await matchLine(text)) !== null;
  const running = new Map<string, ReturnType<typeof lineMatcher>>();
  /** Kept for a filter by status: of executions that have not ended. */
  const statuses = new Map<string, Status>();

  /** A line is of the status that its execution has when it is printed. */
  async function isOfStatus(event: ExecutionEvent): Promise<boolean> {
    if (!status) return true;
    const id = event.executionId;
    const known = statusAfter(event) ?? statuses.get(id) ?? (await statusOf(id)) ?? 'running';
    if (!isEnd(known)) statuses.set(id, known);
    return status.includes(known);
  }

  function follow(event: ExecutionEvent): void {
    const now = status && statusAfter(event);
    if (now && isEnd(now)) statuses.delete(event.executionId);
    else if (now) statuses.set(event.executionId, now);
  }

  async function hits(event: ExecutionEvent): Promise<SearchHit[]> {
    const id = event.executionId;
    if (executionId !== undefined && id !== executionId) return [];
    follow(event);
    let parts: LineSelection[] = [];
    if (event.type === 'output.appended') {
      const cut = cutToRange(event, filter);
      if (!cut) return [];
      const lines = running.get(id) ?? lineMatcher(matches);
      running.set(id, lines);
      const part = await lines.push(cut);
      if (part) parts = [part];
    } else if (event.type === 'execution.completed' || event.type === 'execution.abandoned') {
      parts = (await running.get(id)?.rest()) ?? [];
      running.delete(id);
    }
    if (parts.length === 0 || (until !== undefined && event.at > until)) return [];
    const name = await nameOf(event);
    if (action !== undefined && name !== action) return [];
    if (!(await isOfStatus(event))) return [];
    const found: SearchHit[] = [];
    for (const part of parts) found.push(...(await hitsOf(part, name ?? '')));
    return found;
  }

  async function hitsOf(part: LineSelection, name: string): Promise<SearchHit[]> {
    const { chunk } = part;
    const seqs = seqsOf(part);
    const hits: SearchHit[] = [];
    for (const [at, line] of linesOf(chunk).entries()) {
      const text = visibleText(chunk.data.subarray(line.start, line.end));
      const highlights = await matchLine(text);
      // Later pieces of a very long line that was sent already are no hits of their own.
      if (!highlights) continue;
      hits.push({
        executionId: chunk.executionId,
        action: name,
        seq: seqs[at] ?? line.seq,
        stream: chunk.stream,
        ...(chunk.host === undefined ? {} : { host: chunk.host }),
        at: chunk.at,
        text: text.slice(0, SHOWN_CHARACTERS),
        highlights: highlights.filter(([, end]) => end <= SHOWN_CHARACTERS),
      });
    }
    return hits;
  }

  for await (const { events, checkpoint } of batches) {
    const found: SearchHit[] = [];
    for (const event of events) found.push(...(await hits(event)));
    // The last hit of a batch carries the place after it: a client that was cut off goes on from there.
    const frames = found.map((hit, at) =>
      sseMessage('hit', at === found.length - 1 ? checkpointToken(checkpoint) : undefined, hitJson(hit)),
    );
    for (const bytes of coalesce(frames)) {
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
