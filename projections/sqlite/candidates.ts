/**
 * Which blocks may hold matching lines, in the order of the answer: executions newest or oldest first, an execution's
 * blocks by line. From the full-text index where the query gives it tokens, else all; blocks that are not in the index,
 * and those whose last line goes on behind them, are always candidates.
 */
import type { SQLInputValue } from 'node:sqlite';
import type { Status } from '../../events/event.ts';
import type { Matcher } from '../matcher.ts';
import type { SearchPlace } from '../search-cursor.ts';
import { BLOCKS_PER_EXECUTION } from './schema.ts';
import type { Store } from './store.ts';
import { requiredTokens } from './tokens.ts';

export interface CandidateRequest {
  matcher: Matcher;
  executionId: string | undefined;
  action: string | undefined;
  status: readonly Status[] | undefined;
  since: number | undefined;
  until: number | undefined;
  newest: boolean;
  /** Only what comes behind this place. */
  after: SearchPlace | undefined;
}

export interface ExecutionRow {
  id: number;
  execution: string;
  action: string;
  status: Status;
}

export interface Candidate {
  execution: ExecutionRow;
  first: number;
  firstSeq: number;
  lastSeq: number;
}

/** Row ids fetched at a time: no statement stays open while a search gives way to others. */
const PAGE_ROWS = 2_000;

const PLACE = 'first, first_seq AS firstSeq, last_seq AS lastSeq, at_min AS atMin, at_max AS atMax';
interface Place {
  first: number;
  firstSeq: number;
  lastSeq: number;
  atMin: number;
  atMax: number;
}

/** All values of a query in pages: `sql` has the place to go on from as its first parameter. */
function* paged(
  { prepare }: Store,
  sql: string,
  from: number,
  more: (last: number) => number,
  ...values: SQLInputValue[]
): Generator<number> {
  for (let at = from; ; ) {
    const rows = prepare(`${sql} LIMIT ${PAGE_ROWS}`).all(at, ...values) as { value: number }[];
    for (const { value } of rows) yield value;
    const last = rows.at(-1);
    if (rows.length < PAGE_ROWS || !last) return;
    at = more(last.value);
  }
}

/** Two sorted sequences as one, without repeats. */
function* union(a: Iterator<number>, b: Iterator<number>, newest: boolean): Generator<number> {
  let left = a.next();
  let right = b.next();
  while (!left.done || !right.done) {
    const takeLeft =
      !left.done && (right.done || (newest ? left.value >= right.value : left.value <= right.value));
    const value = takeLeft ? left.value : right.value;
    yield value;
    if (!left.done && left.value === value) left = a.next();
    if (!right.done && right.value === value) right = b.next();
  }
}

function findExecution({ prepare }: Store, id: string): ExecutionRow | undefined {
  return prepare('SELECT id, execution, action, status FROM executions WHERE execution = ?').get(
    id,
  ) as unknown as ExecutionRow | undefined;
}

/** Row ids of executions to look into, in order; with tokens those only that the index names, or that are not all in it. */
function* executionIds(
  store: Store,
  newest: boolean,
  from: number,
  match: string | undefined,
): Generator<number> {
  const compare = newest ? '<=' : '>=';
  const order = newest ? 'DESC' : 'ASC';
  const step = newest ? -1 : 1;
  const beyond = (last: number) => last + step;
  if (match === undefined) {
    yield* paged(
      store,
      `SELECT id AS value FROM executions WHERE id ${compare} ? AND kept = 1 ORDER BY id ${order}`,
      from,
      beyond,
    );
    return;
  }
  const indexed = function* () {
    // From one execution to the next one that has a match, however many blocks match in between.
    const next = store.prepare(
      `SELECT rowid AS value FROM search WHERE search MATCH ? AND rowid ${compare} ? ORDER BY rowid ${order} LIMIT 1`,
    );
    for (let at = from; ; ) {
      const place = newest ? at * BLOCKS_PER_EXECUTION + BLOCKS_PER_EXECUTION - 1 : at * BLOCKS_PER_EXECUTION;
      const row = next.get(match, place) as { value: number } | undefined;
      if (!row) return;
      const id = Math.floor(row.value / BLOCKS_PER_EXECUTION);
      yield id;
      at = id + step;
    }
  };
  const outside = paged(
    store,
    `SELECT value FROM (SELECT DISTINCT execution AS value FROM blocks WHERE ordinal IS NULL
                        UNION SELECT DISTINCT execution FROM blocks WHERE spill = 1)
     WHERE value ${compare} ? ORDER BY value ${order}`,
    from,
    beyond,
  );
  yield* union(indexed(), outside, newest);
}

/** An execution's candidate blocks in order, from the one that holds line `fromSeq`. */
function* blocksOf(
  store: Store,
  execution: number,
  fromSeq: number,
  match: string | undefined,
): Generator<Place> {
  const { prepare } = store;
  if (match === undefined) {
    for (let after = -1; ; ) {
      const rows = prepare(
        `SELECT ${PLACE} FROM blocks WHERE execution = ? AND first > ? AND last_seq >= ? ORDER BY first LIMIT 500`,
      ).all(execution, after, fromSeq) as unknown as Place[];
      yield* rows;
      const last = rows.at(-1);
      if (!last || rows.length < 500) return;
      after = last.first;
    }
  }
  const base = execution * BLOCKS_PER_EXECUTION;
  const matching = paged(
    store,
    `SELECT rowid AS value FROM search WHERE rowid >= ? AND search MATCH ? AND rowid < ? ORDER BY rowid`,
    base,
    (last) => last + 1,
    match,
    base + BLOCKS_PER_EXECUTION,
  );
  const spilling = prepare(
    'SELECT ordinal + ? AS value FROM blocks WHERE execution = ? AND spill = 1 ORDER BY first',
  ).all(base, execution) as { value: number }[];
  const one = prepare(`SELECT ${PLACE} FROM blocks WHERE execution = ? AND ordinal = ? AND last_seq >= ?`);
  for (const rowid of union(matching, spilling.map((row) => row.value).values(), false)) {
    const place = one.get(execution, rowid - base, fromSeq) as unknown as Place | undefined;
    if (place) yield place;
  }
  yield* prepare(
    `SELECT ${PLACE} FROM blocks WHERE execution = ? AND ordinal IS NULL AND last_seq >= ? ORDER BY first`,
  ).all(execution, fromSeq) as unknown as Place[];
}

export function* candidates(store: Store, request: CandidateRequest): Generator<Candidate> {
  const { matcher, newest, after, action, status, since, until } = request;
  const tokens = requiredTokens(matcher.words, matcher.fragments);
  const match = tokens.length > 0 ? tokens.map((token) => `"${token}"`).join(' ') : undefined;
  const only = request.executionId === undefined ? undefined : findExecution(store, request.executionId);
  if (request.executionId !== undefined && !only) return;
  const begin = after === undefined ? undefined : findExecution(store, after.executionId);
  const limits = { newest: Number.MAX_SAFE_INTEGER / BLOCKS_PER_EXECUTION - 1, oldest: 0 };
  const from = begin?.id ?? Math.floor(limits[newest ? 'newest' : 'oldest']);
  const ids = only ? [only.id] : executionIds(store, newest, from, match);
  for (const id of ids) {
    const execution = store
      .prepare('SELECT id, execution, action, status FROM executions WHERE id = ?')
      .get(id) as unknown as ExecutionRow | undefined;
    if (!execution) continue;
    if (action !== undefined && execution.action !== action) continue;
    if (status && !status.includes(execution.status)) continue;
    const fromSeq = begin?.id === id ? (after?.seq ?? 0) + 1 : 0;
    for (const place of blocksOf(store, id, fromSeq, match)) {
      if (since !== undefined && place.atMax < since) continue;
      if (until !== undefined && place.atMin > until) continue;
      yield { execution, first: place.first, firstSeq: place.firstSeq, lastSeq: place.lastSeq };
    }
  }
}
