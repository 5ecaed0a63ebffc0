/** Deletes what retention purges, in steps. Runs on the writer's thread. */
import { transaction } from '../../lib/database.ts';
import { dropEmptySegments, dropSignature } from './search-index/signature-table.ts';
import { BLOCKS_PER_EXECUTION } from './store/schema.ts';
import type { Store } from './store/store.ts';

/** Rows that one step deletes, so that the projector does not wait long. */
const PURGE_ROWS = 200;

/** One step of deleting an execution's output, or all of the execution; `more` until nothing is left. */
export function purge(
  store: Store,
  executionId: string,
  whole: boolean,
): { more: boolean; freedBytes: number } {
  const { database, prepare } = store;
  const execution = prepare('SELECT id, output_through FROM executions WHERE execution = ?').get(
    executionId,
  ) as { id: number; output_through: number } | undefined;
  if (!execution) return { more: false, freedBytes: 0 };
  const { id } = execution;
  return transaction(database, () => {
    const blocks = prepare(
      'SELECT id, ordinal, coalesce(length(body), 0) AS bytes FROM blocks WHERE execution = ? LIMIT ?',
    ).all(id, PURGE_ROWS) as {
      id: number;
      ordinal: number | null;
      bytes: number;
    }[];
    const freedBytes = blocks.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const block of blocks) {
      if (block.ordinal !== null) {
        dropSignature(store, id * BLOCKS_PER_EXECUTION + block.ordinal);
      }
      prepare('DELETE FROM blocks WHERE id = ?').run(block.id);
    }
    if (blocks.length === PURGE_ROWS) return { more: true, freedBytes };
    dropEmptySegments(store, id);
    if (whole) {
      prepare('DELETE FROM documents WHERE id = ?').run(id);
      prepare('DELETE FROM executions WHERE id = ?').run(id);
    } else {
      prepare('UPDATE executions SET kept = 0 WHERE id = ?').run(id);
      prepare(
        "UPDATE documents SET document = json_set(document, '$.outputPurgedThrough', ?) WHERE id = ? AND ? >= 0",
      ).run(execution.output_through, id, execution.output_through);
    }
    return { more: false, freedBytes };
  });
}
