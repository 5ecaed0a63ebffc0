/**
 * The blocks that may hold matching lines, in the order of the answer: executions newest or oldest first, an execution's
 * blocks by line. The search index names them when the query has keys, else all blocks are candidates. Blocks that are not
 * indexed, and those whose last line continues in the next block, are always candidates.
 */
import type { Status } from '../../../events/event.ts';
import type { SearchRequest } from '../../search/search.ts';
import type { Candidate, ScanRequest } from '../../search/search-loop.ts';
import { BLOCKS_PER_EXECUTION } from '../store/schema.ts';
import type { Store } from '../store/store.ts';
import { type RequiredKeys, requiredKeys } from './block-keys.ts';
import { findPlaces } from './signature-table.ts';

type CandidateRequest = Pick<ScanRequest<BlockCandidate>, 'request' | 'matcher' | 'after'>;

interface ExecutionRow {
  id: number;
  execution: string;
  action: string;
  status: Status;
}

interface Listed extends ExecutionRow {
  ordinals: number;
}

/** A block. */
export interface BlockCandidate extends Candidate {
  /** Row id of the execution. */
  execution: number;
  /** Position of the block's first chunk. */
  first: number;
}

/** Rows fetched at a time: no statement stays open while a search lets others run. */
const PAGE_ROWS = 2_000;
const FEW_BLOCKS = 8;
/** Up to this many executions are searched one by one, instead of asking the index for all. */
const FEW_EXECUTIONS = 200;
const NEWEST_OF_ALL = Math.floor(Number.MAX_SAFE_INTEGER / BLOCKS_PER_EXECUTION) - 1;

const PLACE = 'first, first_seq AS firstSeq, last_seq AS lastSeq, at_min AS atMin, at_max AS atMax';
interface Place {
  first: number;
  firstSeq: number;
  lastSeq: number;
  atMin: number;
  atMax: number;
}

/** An execution to search, and the ordinals of its blocks that the search index names, ascending. */
interface Group {
  id: number;
  ordinals: number[];
}

/** Executions that the search index names, from one row id to another, both included. */
function* indexed(
  store: Store,
  keys: RequiredKeys,
  newest: boolean,
  from: number,
  to: number,
): Generator<Group> {
  const [first, last] = newest ? [to, from] : [from, to];
  const places = findPlaces(store, keys, {
    lowest: first * BLOCKS_PER_EXECUTION,
    highest: last * BLOCKS_PER_EXECUTION + BLOCKS_PER_EXECUTION - 1,
    newest,
  });
  let group: Group | undefined;
  const finished = ({ id, ordinals }: Group): Group => ({
    id,
    ordinals: newest ? ordinals.reverse() : ordinals,
  });
  for (const place of places) {
    const ordinal = place % BLOCKS_PER_EXECUTION;
    const id = (place - ordinal) / BLOCKS_PER_EXECUTION;
    if (group && group.id !== id) {
      yield finished(group);
      group = undefined;
    }
    group ??= { id, ordinals: [] };
    group.ordinals.push(ordinal);
  }
  if (group) yield finished(group);
}

/** The blocks of one execution that the search index names. */
function oneOf(store: Store, keys: RequiredKeys, id: number): Group {
  const [group] = indexed(store, keys, false, id, id);
  return group ?? { id, ordinals: [] };
}

/** Executions with blocks that are always candidates. */
function outside({ prepare }: Store, newest: boolean, from: number): Group[] {
  const [compare, order] = newest ? ['<=', 'DESC'] : ['>=', 'ASC'];
  const rows = prepare(
    `SELECT value FROM (SELECT DISTINCT execution AS value FROM blocks WHERE ordinal IS NULL
                        UNION SELECT DISTINCT execution FROM blocks WHERE spill = 1)
     WHERE value ${compare} ? ORDER BY value ${order}`,
  ).all(from) as { value: number }[];
  return rows.map(({ value }) => ({ id: value, ordinals: [] }));
}

/** The executions of both, each once. */
function* union(a: Iterator<Group>, b: Iterator<Group>, newest: boolean): Generator<Group> {
  let left = a.next();
  let right = b.next();
  while (!left.done || !right.done) {
    const takeLeft =
      !left.done &&
      (right.done || (newest ? left.value.id >= right.value.id : left.value.id <= right.value.id));
    const group = takeLeft ? left.value : right.value;
    yield group as Group;
    const { id } = group as Group;
    if (!left.done && left.value.id === id) left = a.next();
    if (!right.done && right.value.id === id) right = b.next();
  }
}

/** Every execution that has output. */
function* all({ prepare }: Store, newest: boolean, from: number): Generator<Group> {
  const [compare, order] = newest ? ['<=', 'DESC'] : ['>=', 'ASC'];
  const page = prepare(
    `SELECT id FROM executions WHERE id ${compare} ? AND kept = 1 ORDER BY id ${order} LIMIT ${PAGE_ROWS}`,
  );
  for (let at = from; ; ) {
    const rows = page.all(at) as { id: number }[];
    for (const { id } of rows) yield { id, ordinals: [] };
    const last = rows.at(-1);
    if (!last || rows.length < PAGE_ROWS) return;
    at = last.id + (newest ? -1 : 1);
  }
}

/** All blocks of an execution, from the one that holds line `fromSeq`. */
function* allBlocks({ prepare }: Store, execution: number, fromSeq: number): Generator<Place> {
  const page = prepare(
    `SELECT ${PLACE} FROM blocks WHERE execution = ? AND first > ? AND last_seq >= ? ORDER BY first LIMIT ${PAGE_ROWS}`,
  );
  for (let after = -1; ; ) {
    const rows = page.all(execution, after, fromSeq) as unknown as Place[];
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < PAGE_ROWS) return;
    after = last.first;
  }
}

/** The named blocks of an execution and those that are always candidates, in order. */
function* namedBlocks(
  { prepare }: Store,
  { id, ordinals }: Group,
  fromSeq: number,
  hasOthers: boolean,
): Generator<Place> {
  const one = prepare(`SELECT ${PLACE} FROM blocks WHERE execution = ? AND ordinal = ? AND last_seq >= ?`);
  if (!hasOthers) {
    for (const ordinal of ordinals) {
      const place = one.get(id, ordinal, fromSeq) as unknown as Place | undefined;
      if (place) yield place;
    }
    return;
  }
  const spilling = prepare('SELECT ordinal FROM blocks WHERE execution = ? AND spill = 1').all(id) as {
    ordinal: number;
  }[];
  const wanted =
    spilling.length === 0
      ? ordinals
      : [...new Set([...ordinals, ...spilling.map((row) => row.ordinal)])].sort((a, b) => a - b);
  for (const ordinal of wanted) {
    const place = one.get(id, ordinal, fromSeq) as unknown as Place | undefined;
    if (place) yield place;
  }
  // Blocks get their ordinals in order, so those without one follow all others.
  yield* prepare(
    `SELECT ${PLACE} FROM blocks WHERE execution = ? AND ordinal IS NULL AND last_seq >= ? ORDER BY first`,
  ).all(id, fromSeq) as unknown as Place[];
}

/** The executions that the filters accept, when these are few. */
function listed({ prepare }: Store, request: SearchRequest, from: number): Listed[] | undefined {
  const { executionId, action, status } = request;
  const newest = request.order !== 'oldest';
  if (executionId === undefined && action === undefined && status === undefined) return undefined;
  const conditions = [`id ${newest ? '<=' : '>='} ?`];
  const values: (string | number)[] = [from];
  const add = (sql: string, ...given: string[]) => {
    conditions.push(sql);
    values.push(...given);
  };
  if (executionId !== undefined) add('execution = ?', executionId);
  if (action !== undefined) add('action = ?', action);
  if (status) add(`status IN (${status.map(() => '?').join(', ')})`, ...status);
  const rows = prepare(
    `SELECT id, execution, action, status, ordinals FROM executions WHERE ${conditions.join(' AND ')} LIMIT ?`,
  ).all(...values, FEW_EXECUTIONS + 1) as unknown as Listed[];
  if (rows.length > FEW_EXECUTIONS) return undefined;
  return rows.sort((a, b) => (newest ? b.id - a.id : a.id - b.id));
}

/** Row id of the execution to begin with: the cursor's or, when that is deleted, the one after it. */
function beginning({ prepare }: Store, newest: boolean, after: CandidateRequest['after']): number {
  if (!after) return newest ? NEWEST_OF_ALL : 0;
  const [compare, order] = newest ? ['<=', 'DESC'] : ['>=', 'ASC'];
  const row = prepare(
    `SELECT id FROM executions WHERE execution ${compare} ? ORDER BY execution ${order} LIMIT 1`,
  ).get(after.executionId) as { id: number } | undefined;
  return row?.id ?? (newest ? -1 : NEWEST_OF_ALL + 1);
}

export function* candidates(
  store: Store,
  { request, matcher, after }: CandidateRequest,
): Generator<BlockCandidate> {
  const { action, status, since, until } = request;
  const newest = request.order !== 'oldest';
  // Also the groups of each word: its key may collide with that of a common word, all its groups hardly do.
  const required = requiredKeys(matcher.words, [...matcher.words, ...matcher.fragments, ...matcher.phrases]);
  const keys = Object.values(required).some((own) => own.length > 0) ? required : undefined;
  const from = beginning(store, newest, after);

  function* placed(
    execution: ExecutionRow,
    blocks: (fromSeq: number) => Iterable<Place>,
  ): Generator<BlockCandidate> {
    const { id, execution: executionId, action, status } = execution;
    for (const place of blocks(execution.execution === after?.executionId ? after.seq + 1 : 0)) {
      if (since !== undefined && place.atMax < since) continue;
      if (until !== undefined && place.atMin > until) continue;
      const { first, firstSeq, lastSeq } = place;
      yield { execution: id, executionId, action, status, first, firstSeq, lastSeq };
    }
  }

  const few = listed(store, request, from);
  for (const execution of few ?? []) {
    const { id, ordinals } = execution;
    // Scanning a few blocks is faster than asking the index.
    yield* placed(execution, (fromSeq) =>
      keys !== undefined && ordinals > FEW_BLOCKS
        ? namedBlocks(store, oneOf(store, keys, id), fromSeq, true)
        : allBlocks(store, id, fromSeq),
    );
  }
  if (few || request.executionId !== undefined) return;

  const others = keys === undefined ? [] : outside(store, newest, from);
  const haveOthers = new Set(others.map(({ id }) => id));
  const groups =
    keys === undefined
      ? all(store, newest, from)
      : union(indexed(store, keys, newest, from, newest ? 0 : NEWEST_OF_ALL), others.values(), newest);
  const find = store.prepare('SELECT id, execution, action, status FROM executions WHERE id = ?');
  for (const group of groups) {
    const execution = find.get(group.id) as unknown as ExecutionRow | undefined;
    if (!execution) continue;
    if (action !== undefined && execution.action !== action) continue;
    if (status && !status.includes(execution.status)) continue;
    yield* placed(execution, (fromSeq) =>
      keys === undefined
        ? allBlocks(store, group.id, fromSeq)
        : namedBlocks(store, group, fromSeq, haveOthers.has(group.id)),
    );
  }
}
