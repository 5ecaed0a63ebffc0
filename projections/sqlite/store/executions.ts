/** Execution documents in the index: found by filter, in pages, newest or oldest first. Runs on the reader's thread. */
import type { SQLInputValue } from 'node:sqlite';
import type {
  ExecutionFilter,
  ExecutionPageRequest,
  PurgeBounds,
  PurgeCandidates,
  UnfinishedExecution,
} from '../../output-index.ts';
import { checkListCursor } from '../../search/search-cursor.ts';
import type { Store } from './store.ts';

/** A page of documents as JSON, which the main thread parses. */
export interface DocumentPage {
  documents: string[];
  total: number;
  cursor?: string;
}

const DEFAULT_LIMIT = 100;

interface Clause {
  sql: string[];
  values: SQLInputValue[];
}

/** Conditions on the columns of `executions`. */
function filterClause(filter: ExecutionFilter): Clause {
  const sql: string[] = [];
  const values: SQLInputValue[] = [];
  const add = (condition: string, ...given: SQLInputValue[]) => {
    sql.push(condition);
    values.push(...given);
  };
  if (filter.status) add(`status IN (${filter.status.map(() => '?').join(', ')})`, ...filter.status);
  if (filter.action !== undefined) add('action = ?', filter.action);
  if (filter.runner !== undefined) add('runner = ?', filter.runner);
  if (filter.user !== undefined) add('user = ?', filter.user);
  if (filter.since !== undefined) add('requested_at >= ?', filter.since);
  if (filter.until !== undefined) add('requested_at <= ?', filter.until);
  if (filter.idempotencyKey !== undefined) add('idempotency_key = ?', filter.idempotencyKey);
  for (const word of (filter.text ?? '').toLowerCase().split(/\s+/).filter(Boolean)) {
    add('instr(text, ?) > 0', word);
  }
  for (const [name, value] of Object.entries(filter.labels ?? {})) {
    add("json_extract(labels, '$.' || json_quote(?)) = ?", name, value);
  }
  return { sql, values };
}

const where = ({ sql }: Clause) => (sql.length > 0 ? `WHERE ${sql.join(' AND ')}` : '');

export function executionsPage({ prepare }: Store, request: ExecutionPageRequest): DocumentPage {
  const clause = filterClause(request);
  const { total } = prepare(`SELECT count(*) AS total FROM executions ${where(clause)}`).get(
    ...clause.values,
  ) as {
    total: number;
  };
  const newest = request.order !== 'oldest';
  if (request.cursor !== undefined) {
    checkListCursor(request.cursor);
    clause.sql.push(newest ? 'execution < ?' : 'execution > ?');
    clause.values.push(request.cursor);
  }
  const limit = request.limit ?? DEFAULT_LIMIT;
  const rows = prepare(
    `SELECT execution, document FROM (
       SELECT id, execution FROM executions ${where(clause)}
       ORDER BY execution ${newest ? 'DESC' : 'ASC'} LIMIT ? OFFSET ?)
     JOIN documents USING (id) ORDER BY execution ${newest ? 'DESC' : 'ASC'}`,
  ).all(...clause.values, limit + 1, request.offset ?? 0) as { execution: string; document: string }[];
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    documents: page.map((row) => row.document),
    total,
    ...(rows.length > limit && last ? { cursor: last.execution } : {}),
  };
}

export function executionDocument({ prepare }: Store, id: string): string | undefined {
  const row = prepare('SELECT document FROM executions JOIN documents USING (id) WHERE execution = ?').get(
    id,
  ) as { document: string } | undefined;
  return row?.document;
}

export function lastDocument({ prepare }: Store): string | undefined {
  const row = prepare(
    'SELECT document FROM documents WHERE id = (SELECT id FROM executions ORDER BY execution DESC LIMIT 1)',
  ).get() as { document: string } | undefined;
  return row?.document;
}

const UNFINISHED_PAGE = 1000;

/** The page of executions after the id; empty when there are no more. */
export function unfinishedPage({ prepare }: Store, after: string): UnfinishedExecution[] {
  const rows = prepare(
    `SELECT execution, worker, labels FROM executions WHERE ended_at IS NULL AND execution > ?
     ORDER BY execution LIMIT ?`,
  ).all(after, UNFINISHED_PAGE) as { execution: string; worker: string | null; labels: string | null }[];
  return rows.map(({ execution, worker, labels }) => ({
    id: execution,
    ...(worker === null ? {} : { worker }),
    ...(worker === null && labels !== null ? { labels: JSON.parse(labels) } : {}),
  }));
}

/** Ended executions beyond the bounds, oldest first. */
export function purgeCandidates(
  { prepare }: Store,
  { output, executions, limit }: PurgeBounds,
): PurgeCandidates {
  const found = (condition: string, bound: number | undefined) =>
    bound === undefined
      ? []
      : (
          prepare(
            `SELECT execution FROM executions WHERE ended_at IS NOT NULL AND ended_at < ? ${condition}
             ORDER BY ended_at LIMIT ?`,
          ).all(bound, limit) as { execution: string }[]
        ).map((row) => row.execution);
  const whole = found('', executions);
  const dropped = new Set(whole);
  return { output: found('AND kept = 1', output).filter((id) => !dropped.has(id)), executions: whole };
}
