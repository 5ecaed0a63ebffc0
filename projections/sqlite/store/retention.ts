/** What the index holds, by the day on which executions ended. Runs on the reader's thread. */
import type { RetentionSpan } from '../../output-index.ts';
import type { Store } from './store.ts';

const DAY_MS = 86_400_000;

interface Row {
  day: number;
  documents: number;
  bytes: number;
}

export function retentionSpans({ prepare }: Store): RetentionSpan[] {
  const output = prepare(
    `SELECT ended_at / ${DAY_MS} AS day, count(DISTINCT executions.id) AS documents, sum(raw) AS bytes
     FROM executions JOIN blocks ON blocks.execution = executions.id
     WHERE ended_at IS NOT NULL AND kept = 1 GROUP BY day ORDER BY day`,
  ).all() as unknown as Row[];
  const executions = prepare(
    `SELECT ended_at / ${DAY_MS} AS day, count(*) AS documents, sum(length(document)) AS bytes
     FROM executions JOIN documents USING (id) WHERE ended_at IS NOT NULL GROUP BY day ORDER BY day`,
  ).all() as unknown as Row[];
  const span =
    (kind: RetentionSpan['kind']) =>
    ({ day, documents, bytes }: Row): RetentionSpan => ({
      kind,
      from: day * DAY_MS,
      to: (day + 1) * DAY_MS,
      counts: 'executions',
      documents,
      bytes,
      managedBy: 'linefeed',
    });
  return [...output.map(span('output')), ...executions.map(span('executions'))];
}
