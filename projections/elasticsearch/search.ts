/**
 * Search on Elasticsearch: it gives candidate chunks in the order of the answer, and the shared matcher decides on their
 * lines. Bounded by a time budget: what was found until then is answered with a cursor to go on.
 */

import type { OutputAppended, Status } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import { facetCounter } from '../search/facets.ts';
import {
  type Assembled,
  allLines,
  assemble,
  complete,
  type LineFilter,
  matchLines,
} from '../search/lines.ts';
import { compile, type Matcher } from '../search/matcher.ts';
import type { SearchFacets, SearchHit, SearchLine, SearchPage, SearchRequest } from '../search/search.ts';
import { readCursor, type SearchPlace, writeCursor } from '../search/search-cursor.ts';
import type { Answer } from './client.ts';
import { type ChunkSource, chunkOf } from './documents.ts';
import { type Clause, narrowing } from './narrow.ts';

export interface SearchDeps {
  /** Runs a search over all output. */
  output(body: object, signal?: AbortSignal): Promise<Answer>;
  /** Action and status of executions; those that are gone are left out. */
  facts(ids: string[]): Promise<Map<string, { action: string; status: Status }>>;
}

/** A request that takes longer answers with what it has; nobody waits longer for a first page. */
const BUDGET_MS = 2000;
const DEFAULT_LIMIT = 100;
const MOST_CONTEXT = 100;
/** Chunks a page: few at first, for the answer that is found at once, then as many as 64 KiB chunks allow. */
const FIRST_PAGE = 20;
const LARGEST_PAGE = 320;

interface Candidate {
  chunk: OutputAppended;
  facts: { action: string; status: Status };
  scannedBytes: number;
  assembled: Assembled;
}

class OutOfTime extends Error {}

const lineFilter = ({ stream, host, since, until }: SearchRequest): LineFilter => ({
  stream,
  host,
  since,
  until,
});

function scope(executionId: string, chunk?: OutputAppended): Clause[] {
  const filter: Clause[] = [{ term: { 'linefeed.execution.id': executionId } }];
  if (!chunk) return filter;
  filter.push({ term: { 'linefeed.stream': chunk.stream } });
  if (chunk.host !== undefined) filter.push({ term: { 'host.name': chunk.host } });
  return filter;
}

function candidateQuery(request: SearchRequest, matcher: Matcher, after: SearchPlace | undefined): object {
  const filter: Clause[] = [];
  const { executionId, stream, host, action, since, until } = request;
  if (executionId !== undefined) filter.push(...scope(executionId));
  if (stream !== undefined) filter.push({ term: { 'linefeed.stream': stream } });
  if (host !== undefined) filter.push({ term: { 'host.name': host } });
  if (action !== undefined) filter.push({ term: { 'event.action': action } });
  if (since !== undefined || until !== undefined) {
    filter.push({
      range: {
        '@timestamp': {
          ...(since === undefined ? {} : { gte: since }),
          ...(until === undefined ? {} : { lte: until }),
          format: 'epoch_millis',
        },
      },
    });
  }
  if (after) {
    const beyond = request.order === 'oldest' ? 'gt' : 'lt';
    filter.push({
      bool: {
        should: [
          { range: { 'linefeed.execution.id': { [beyond]: after.executionId } } },
          {
            bool: {
              filter: [
                ...scope(after.executionId),
                { range: { 'linefeed.last_sequence': { gt: after.seq } } },
              ],
            },
          },
        ],
      },
    });
  }
  const words = narrowing(matcher);
  if (words.length > 0) {
    // A line in several pieces may have its words in any of them, so its first piece is always looked at.
    filter.push({
      bool: { should: [{ bool: { filter: words } }, { term: { 'linefeed.partial': true } }] },
    });
  }
  // A piece that goes on with a line is read together with the one that begins it.
  return { bool: { filter, must_not: [{ term: { 'linefeed.continues': true } }] } };
}

const hitsOf = (answer: Answer): { _source: ChunkSource; sort: unknown[] }[] => answer.hits.hits;

/** The pieces that follow the chunk's last line. */
async function* pieces(deps: SearchDeps, chunk: OutputAppended): AsyncGenerator<OutputAppended[]> {
  let after = chunk.position;
  for (;;) {
    const answer = await deps.output({
      size: 32,
      track_total_hits: false,
      query: {
        bool: {
          filter: [
            ...scope(chunk.executionId, chunk),
            { term: { 'event.sequence': chunk.seq + chunk.lines - 1 } },
            { range: { 'linefeed.position': { gt: after } } },
          ],
        },
      },
      sort: [{ 'linefeed.position': 'asc' }],
    });
    const found = hitsOf(answer).map(({ _source }) => chunkOf(_source));
    if (found.length > 0) yield found;
    if (found.length < 32) return;
    after = found.at(-1)?.position ?? after;
  }
}

async function open(
  deps: SearchDeps,
  chunk: OutputAppended,
): Promise<{ assembled: Assembled; scannedBytes: number }> {
  const assembled = assemble([chunk], chunk.seq - 1);
  let scannedBytes = chunk.data.byteLength;
  if (assembled.open.size > 0) {
    for await (const later of pieces(deps, chunk)) {
      scannedBytes += later.reduce((sum, piece) => sum + piece.data.byteLength, 0);
      if (!complete(assembled, later)) break;
    }
  }
  return { assembled, scannedBytes };
}

/** Candidates in the order of the answer, opened. @throws OutOfTime after the budget. */
async function* candidates(
  deps: SearchDeps,
  request: SearchRequest,
  matcher: Matcher,
  after: SearchPlace | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Candidate> {
  const end = performance.now() + BUDGET_MS;
  const order = request.order === 'oldest' ? 'asc' : 'desc';
  const query = candidateQuery(request, matcher, after);
  const known = new Map<string, { action: string; status: Status } | undefined>();
  let searchAfter: unknown[] | undefined;
  for (let size = FIRST_PAGE; ; size = Math.min(size * 4, LARGEST_PAGE)) {
    const answer = await deps.output(
      {
        size,
        track_total_hits: false,
        query,
        sort: [
          { 'linefeed.execution.id': order },
          { 'event.sequence': 'asc' },
          { 'linefeed.position': 'asc' },
        ],
        ...(searchAfter ? { search_after: searchAfter } : {}),
      },
      signal,
    );
    const page = hitsOf(answer);
    const ids = new Set(page.map(({ _source }) => _source.linefeed.execution.id));
    const unknown = [...ids].filter((id) => !known.has(id));
    if (unknown.length > 0) {
      const facts = await deps.facts(unknown);
      for (const id of unknown) known.set(id, facts.get(id));
    }
    for (const { _source } of page) {
      signal?.throwIfAborted();
      if (performance.now() > end) throw new OutOfTime();
      const chunk = chunkOf(_source);
      const facts = known.get(chunk.executionId);
      if (!facts || (request.status && !request.status.includes(facts.status))) continue;
      yield { chunk, facts, ...(await open(deps, chunk)) };
    }
    if (page.length < size) return;
    searchAfter = page.at(-1)?.sort;
  }
}

/** Lines in front of and behind a line, of its stream and host when these were asked for, whatever their time. */
async function context(
  deps: SearchDeps,
  request: SearchRequest,
  executionId: string,
  seq: number,
  count: number,
): Promise<{ before: SearchLine[]; after: SearchLine[] }> {
  const { stream, host } = request;
  const side = async (range: object, order: 'asc' | 'desc') => {
    const filter: Clause[] = scope(executionId);
    if (stream !== undefined) filter.push({ term: { 'linefeed.stream': stream } });
    if (host !== undefined) filter.push({ term: { 'host.name': host } });
    const lines = new Map<number, SearchLine>();
    let searchAfter: unknown[] | undefined;
    for (;;) {
      const page = hitsOf(
        await deps.output({
          size: Math.min(count + 1, 32),
          track_total_hits: false,
          query: {
            bool: { filter: [...filter, range], must_not: [{ term: { 'linefeed.continues': true } }] },
          },
          sort: [{ 'event.sequence': order }, { 'linefeed.position': order }],
          ...(searchAfter ? { search_after: searchAfter } : {}),
        }),
      );
      for (const { _source } of page) {
        const { assembled } = await open(deps, chunkOf(_source));
        for (const line of allLines(assembled)) if (line.seq !== seq) lines.set(line.seq, line);
      }
      const wanted = [...lines.keys()].filter((number) => (order === 'asc' ? number > seq : number < seq));
      if (wanted.length >= count || page.length < Math.min(count + 1, 32)) return lines;
      searchAfter = page.at(-1)?.sort;
    }
  };
  const before = await side({ range: { 'event.sequence': { lte: seq } } }, 'desc');
  const after = await side({ range: { 'linefeed.last_sequence': { gte: seq } } }, 'asc');
  const sorted = [...new Map([...before, ...after]).values()].sort((a, b) => a.seq - b.seq);
  return {
    before: sorted.filter((line) => line.seq < seq).slice(-count),
    after: sorted.filter((line) => line.seq > seq).slice(0, count),
  };
}

/** @throws ServiceError `validation-failed` for a query or cursor that cannot be understood. */
export async function search(
  deps: SearchDeps,
  request: SearchRequest,
  signal: AbortSignal | undefined,
): Promise<SearchPage> {
  const began = performance.now();
  const matcher = compile(request.query);
  const limit = request.limit ?? DEFAULT_LIMIT;
  const after = request.cursor === undefined ? undefined : readCursor(request.cursor);
  if (after && request.executionId !== undefined && after.executionId !== request.executionId) {
    throw new ServiceError('validation-failed', 'The cursor belongs to a search in another execution');
  }
  const around = Math.min(MOST_CONTEXT, request.context ?? 0);
  const hits: SearchHit[] = [];
  let scannedBytes = 0;
  let place: SearchPlace | undefined = after;
  let more = false;
  try {
    for await (const candidate of candidates(deps, request, matcher, after, signal)) {
      more = hits.length >= limit;
      if (more) break;
      const { chunk, facts, assembled } = candidate;
      const { executionId } = chunk;
      scannedBytes += candidate.scannedBytes;
      const afterSeq = after?.executionId === executionId ? after.seq : 0;
      const wanted = limit - hits.length + 1;
      const lines = matchLines(assembled, matcher, { ...lineFilter(request), afterSeq, limit: wanted });
      for (const line of lines.slice(0, wanted - 1)) {
        const beside = around > 0 ? await context(deps, request, executionId, line.seq, around) : {};
        hits.push({ executionId, action: facts.action, ...line, ...beside });
      }
      more = lines.length >= wanted;
      if (more) break;
      place = { executionId, seq: Math.max(afterSeq, chunk.seq + chunk.lines - 1) };
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    more = true;
  }
  const last = hits.at(-1);
  const next = last && hits.length >= limit ? { executionId: last.executionId, seq: last.seq } : place;
  return {
    hits,
    ...(more && next ? { cursor: writeCursor(next) } : {}),
    scannedBytes,
    tookMs: performance.now() - began,
  };
}

/** Counts until the budget is used up; `complete` says whether it was enough. */
export async function facets(
  deps: SearchDeps,
  request: SearchRequest,
  signal: AbortSignal | undefined,
): Promise<SearchFacets> {
  const matcher = compile(request.query);
  const counter = facetCounter(request.timeZone);
  let whole = true;
  try {
    for await (const { assembled, facts } of candidates(deps, request, matcher, undefined, signal)) {
      for (const { stream, at } of matchLines(assembled, matcher, lineFilter(request))) {
        counter.add({ ...facts, stream, at });
      }
    }
  } catch (error) {
    if (!(error instanceof OutOfTime)) throw error;
    whole = false;
  }
  return counter.result(whole, request);
}
