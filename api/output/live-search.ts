/** Hits as they are printed: the lines of live batches that match a search, as SSE. */
import { wireTime } from '../../events/codec.ts';
import { type ExecutionEvent, isEnd, type Status } from '../../events/event.ts';
import type { LogBatch } from '../../events/event-log.ts';
import type { Matcher } from '../../projections/search/matcher.ts';
import type { SearchHit, SearchLine, SearchRequest } from '../../projections/search/search.ts';
import type { SearchHitJson, SearchLineJson } from '../../wire/search.ts';
import { sseMessage } from '../http/sse.ts';
import type { Writer } from '../http/stream-response.ts';
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

interface LiveSearch {
  request: SearchRequest;
  matcher: Matcher;
  nameOf: (event: ExecutionEvent) => Promise<string | undefined>;
  /** Status of an execution whose changes were not seen. */
  statusOf: (executionId: string) => Promise<Status | undefined>;
  writer: Writer;
}

/** The status of the execution after the event; undefined when the event does not change it. */
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

/** Sends every line that matches, once the line or its execution has ended. Ends with the batches. */
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
  const matchers = new Map<string, ReturnType<typeof lineMatcher>>();
  const statuses = status && statusFilter(status, statusOf);

  async function hits(event: ExecutionEvent): Promise<SearchHit[]> {
    const id = event.executionId;
    if (executionId !== undefined && id !== executionId) return [];
    statuses?.observe(event);
    let selections: LineSelection[] = [];
    if (event.type === 'output.appended') {
      const cut = cutToRange(event, filter);
      if (!cut) return [];
      const lines = matchers.get(id) ?? lineMatcher(matches);
      matchers.set(id, lines);
      const selection = await lines.push(cut);
      if (selection) selections = [selection];
    } else if (event.type === 'execution.completed' || event.type === 'execution.abandoned') {
      selections = (await matchers.get(id)?.rest()) ?? [];
      matchers.delete(id);
    }
    if (selections.length === 0 || (until !== undefined && event.at > until)) return [];
    const name = await nameOf(event);
    if (action !== undefined && name !== action) return [];
    if (statuses && !(await statuses.matches(event))) return [];
    const found: SearchHit[] = [];
    for (const selection of selections) found.push(...(await hitsOf(selection, name ?? '')));
    return found;
  }

  async function hitsOf(selection: LineSelection, name: string): Promise<SearchHit[]> {
    const { chunk } = selection;
    const seqs = seqsOf(selection);
    const hits: SearchHit[] = [];
    for (const [at, line] of linesOf(chunk).entries()) {
      const text = visibleText(chunk.data.subarray(line.start, line.end));
      const highlights = await matchLine(text);
      // Later parts of a very long line that was sent already are no hits of their own.
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
    // The last hit of a batch carries the checkpoint after it: a client that reconnects continues from there.
    const messages = found.map((hit, at) =>
      sseMessage('hit', at === found.length - 1 ? checkpointToken(checkpoint) : undefined, hitJson(hit)),
    );
    for (const bytes of coalesce(messages)) {
      const room = writer.write(bytes);
      if (room) await room;
    }
    if (writer.signal.aborted) return;
  }
}

/** Keeps the status of executions that have not ended: a line is of the status that its execution has when it is printed. */
function statusFilter(
  wanted: readonly Status[],
  statusOf: (executionId: string) => Promise<Status | undefined>,
) {
  const statuses = new Map<string, Status>();
  return {
    /** To be called with every event. */
    observe(event: ExecutionEvent): void {
      const now = statusAfter(event);
      if (now && isEnd(now)) statuses.delete(event.executionId);
      else if (now) statuses.set(event.executionId, now);
    },
    async matches(event: ExecutionEvent): Promise<boolean> {
      const id = event.executionId;
      const known = statusAfter(event) ?? statuses.get(id) ?? (await statusOf(id)) ?? 'running';
      if (!isEnd(known)) statuses.set(id, known);
      return wanted.includes(known);
    },
  };
}

/** As much of a line as a search shows, live or not. */
const SHOWN_CHARACTERS = 64 * 1024;

export function hitJson(hit: SearchHit): SearchHitJson {
  return {
    execution_id: hit.executionId,
    action: hit.action,
    ...lineJson(hit),
    highlights: hit.highlights,
    ...(hit.before ? { before: hit.before.map(lineJson) } : {}),
    ...(hit.after ? { after: hit.after.map(lineJson) } : {}),
  };
}

function lineJson({ seq, stream, host, at, text }: SearchLine): SearchLineJson {
  return { seq, stream, ...(host === undefined ? {} : { host }), at: wireTime(at), text };
}
