/** An execution document as a row of the index. */
import type { ExecutionDocument } from '../execution-document.ts';
import type { DocumentRow } from './store/write-batch.ts';

/** How much of a document `text` searches: enough for names and commands, not for whole scripts. */
const TEXT_CHARACTERS = 8192;

export function documentRow(document: ExecutionDocument): DocumentRow {
  return {
    execution: document.id,
    requestedAt: document.requestedAt,
    // A clock that was set back must not make the execution older than it is.
    endedAt: document.endedAt === undefined ? null : Math.max(document.endedAt, document.requestedAt),
    status: document.status,
    worker: document.worker ?? null,
    action: document.action.ref,
    runner: document.action.runner,
    user: document.user,
    text: `${document.action.ref} ${document.user} ${JSON.stringify(document.parameters)}`
      .toLowerCase()
      .slice(0, TEXT_CHARACTERS),
    idempotencyKey: document.idempotencyKey ?? null,
    labels: Object.keys(document.labels).length > 0 ? JSON.stringify(document.labels) : null,
    through: document.through,
    json: JSON.stringify(document),
  };
}
