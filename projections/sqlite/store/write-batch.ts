/** Writes a batch of the projector in one transaction. Runs on the writer's thread. */
import {
  type Block,
  type BlockHead,
  packBlock,
  packHead,
  unpackBlock,
  unpackHead,
} from '../../../events/blocks/block.ts';
import { transaction } from '../../../lib/database.ts';
import { claimFrames } from './block-source.ts';
import type { Store } from './store.ts';
import { compressBody } from './stored-block.ts';

/** An execution document with the columns that it is found by. */
export interface DocumentRow {
  execution: string;
  requestedAt: number;
  endedAt: number | null;
  status: string;
  worker: string | null;
  action: string;
  runner: string;
  user: string;
  text: string;
  idempotencyKey: string | null;
  labels: string | null;
  through: number;
  json: string;
}

export interface BatchRows {
  documents: DocumentRow[];
  /** Those without a body are in the event log. */
  blocks: (Block | BlockHead)[];
  checkpoint: string;
}

function writeDocument({ prepare }: Store, row: DocumentRow): number | undefined {
  const written = prepare(
    `INSERT INTO executions (execution, requested_at, ended_at, status, worker, action, runner, user, text,
                             idempotency_key, labels, through)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (execution) DO UPDATE SET ended_at = excluded.ended_at, status = excluded.status,
       worker = excluded.worker, through = excluded.through WHERE excluded.through >= through
     RETURNING id`,
  ).get(
    row.execution,
    row.requestedAt,
    row.endedAt,
    row.status,
    row.worker,
    row.action,
    row.runner,
    row.user,
    row.text,
    row.idempotencyKey,
    row.labels,
    row.through,
  ) as { id: number } | undefined;
  if (written) {
    prepare('INSERT OR REPLACE INTO documents (id, document) VALUES (?, ?)').run(written.id, row.json);
  }
  return written?.id;
}

/** The part of the block that is new, when the execution's output is stored through the position `stored`. */
function unseen(block: Block | BlockHead, stored: number): Block | BlockHead | undefined {
  if (block.first > stored) return block;
  if (block.last <= stored) return undefined;
  if ('body' in block) return packBlock(unpackBlock(block.body).filter(({ position }) => position > stored));
  const rest = unpackHead(block.head).filter(({ position }) => position > stored);
  return packHead(
    rest,
    rest.map(({ size }) => size),
  );
}

/** Gives the row id of the execution. */
function writeBlock(store: Store, given: Block | BlockHead): number {
  const { prepare } = store;
  const execution = prepare('SELECT id, output_through, output_seq FROM executions WHERE execution = ?').get(
    given.executionId,
  ) as { id: number; output_through: number; output_seq: number } | undefined;
  if (!execution) throw new Error(`output of ${given.executionId} has no document`);
  const block = unseen(given, execution.output_through);
  if (!block) return execution.id;
  if (!('body' in block)) claimFrames(store);
  prepare(
    `INSERT INTO blocks (execution, first, last, first_seq, last_seq, seq_before, at_min, at_max, raw, chunks, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    execution.id,
    block.first,
    block.last,
    block.firstSeq,
    block.lastSeq,
    execution.output_seq,
    block.atMin,
    block.atMax,
    block.rawBytes,
    block.chunks,
    'body' in block ? compressBody(block.body, false) : null,
  );
  prepare(
    'UPDATE executions SET output_through = ?, output_seq = max(output_seq, ?), kept = 1 WHERE id = ?',
  ).run(block.last, block.lastSeq, execution.id);
  return execution.id;
}

/** Gives the row ids of the executions whose blocks may need maintenance. */
export function writeBatch(store: Store, { documents, blocks, checkpoint }: BatchRows): Set<number> {
  return transaction(store.database, () => {
    const touched = new Set<number>();
    for (const document of documents) {
      const id = writeDocument(store, document);
      if (id !== undefined && document.endedAt !== null) touched.add(id);
    }
    for (const block of blocks) touched.add(writeBlock(store, block));
    store.prepare("INSERT OR REPLACE INTO facts VALUES ('checkpoint', ?)").run(checkpoint);
    return touched;
  });
}
