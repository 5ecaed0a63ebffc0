/**
 * Finds the execution that a request means: an id, a unique beginning of one, or `last`. Also waits, within bounds,
 * for the index to have what the log has, so that what a caller has just done is in the answer.
 */

import { isEnd } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { ApiDeps } from '../deps.ts';

type FindDeps = Pick<ApiDeps, 'log' | 'index' | 'projector'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Shorter beginnings span more than two months of ids. */
const SHORTEST_PREFIX = 4;
/** How long an answer may wait for the projector. */
export const SETTLE_MS = 3000;
/** An answer about a running execution waits less: what it says is true of a moment ago in any case. */
const GLANCE_MS = 150;

/** Waits until the index has everything the log has now. False when it did not within the time. */
export async function settled({ log, index, projector }: FindDeps, ms = SETTLE_MS): Promise<boolean> {
  const end = await log.end();
  const covered = async () => {
    const reached = await index.checkpoint();
    return reached !== undefined && log.covers(reached, end);
  };
  if (await covered()) return true;
  const giveUp = AbortSignal.timeout(ms);
  if (projector) {
    const late = new Promise<false>((resolve) =>
      giveUp.addEventListener('abort', () => resolve(false), { once: true }),
    );
    return Promise.race([
      projector.caughtUp(end, giveUp).then(
        () => !giveUp.aborted,
        () => false,
      ),
      late,
    ]);
  }
  while (!giveUp.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (await covered()) return true;
  }
  return false;
}

/**
 * The execution's document, as fresh as `fresh` asks: reads that only need to know which execution is meant need not wait.
 * @throws ServiceError `execution-not-found`, `no-executions`, `ambiguous-id`.
 */
export async function findExecution(
  deps: FindDeps,
  id: string,
  { fresh = false }: { fresh?: boolean } = {},
): Promise<ExecutionDocument> {
  if (id === 'last') {
    await settled(deps);
    const document = await deps.index.lastExecution();
    if (document) return document;
    throw new ServiceError('no-executions', 'No executions found in the database');
  }
  if (!UUID.test(id)) return findByPrefix(deps, id);
  let known: ExecutionDocument | undefined;
  try {
    known = await deps.index.execution(id.toLowerCase());
  } catch (error) {
    // Running executions can be followed and canceled while the index is away: the log has them.
    const folded = isAway(error) ? await fold(deps, id.toLowerCase()) : undefined;
    if (folded) return folded;
    throw error;
  }
  if (known && (!fresh || isEnd(known.status))) return known;
  // Who only needs to know which one is meant, a follower say, has it from the log while the index is far behind.
  const complete = await settled(deps, known || !fresh ? GLANCE_MS : SETTLE_MS);
  const document = (await deps.index.execution(id.toLowerCase())) ?? known;
  if (document) return document;
  const folded = complete ? undefined : await fold(deps, id.toLowerCase());
  if (folded) return folded;
  throw await notFound(deps, id);
}

function isAway(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'output-index-unavailable';
}

async function fold({ log }: FindDeps, id: string): Promise<ExecutionDocument | undefined> {
  let document: ExecutionDocument | undefined;
  for await (const events of log.read(id, { lifecycleOnly: true })) {
    for (const event of events) document = applyEvent(document, event);
  }
  return document;
}

async function findByPrefix(deps: FindDeps, text: string): Promise<ExecutionDocument> {
  const matches = await executionsByPrefix(deps, text, 3);
  const [only, second] = matches;
  if (only && !second) return only;
  if (second) {
    throw new ServiceError(
      'ambiguous-id',
      `"${text}" is the beginning of several ids: ${matches.map((match) => match.id).join(', ')}. Give more of it.`,
    );
  }
  throw await notFound(deps, text);
}

/** The newest executions whose id begins so. An id begins with its time, so this reads no more than that span. */
export async function executionsByPrefix(
  deps: FindDeps,
  text: string,
  limit: number,
): Promise<ExecutionDocument[]> {
  const prefix = text.toLowerCase();
  if (prefix.length < SHORTEST_PREFIX || !/^[0-9a-f-]+$/.test(prefix)) return [];
  const time = prefix.replaceAll('-', '').slice(0, 12);
  const slackMs = 5000;
  const since = Number.parseInt(time.padEnd(12, '0'), 16) - slackMs;
  const until = Number.parseInt(time.padEnd(12, 'f'), 16) + slackMs;
  const found: ExecutionDocument[] = [];
  const seen = new Set<string>();
  for (let round = 0; round < 2 && found.length === 0; round += 1) {
    if (round === 1) await settled(deps);
    let cursor: string | undefined;
    do {
      const page = await deps.index.executions({ since, until, limit: 500, ...(cursor ? { cursor } : {}) });
      for (const document of page.documents) {
        if (found.length >= limit || !document.id.startsWith(prefix) || seen.has(document.id)) continue;
        seen.add(document.id);
        found.push(document);
      }
      cursor = page.cursor;
    } while (cursor !== undefined && found.length < limit);
  }
  return found;
}

/**
 * A position beyond the last one was never given out; to wait for it would be to miss what comes before it.
 * @throws ServiceError `invalid-position`.
 */
export async function checkPosition(
  { log }: Pick<FindDeps, 'log'>,
  document: ExecutionDocument,
  after: number,
): Promise<void> {
  if (after <= document.through) return;
  const head = isEnd(document.status) ? undefined : await log.head(document.id);
  const last = Math.max(document.through, head?.position ?? -1);
  if (after <= last) return;
  throw new ServiceError(
    'invalid-position',
    `Position ${after} is beyond the last one of this execution, ${last}. Leave it out to begin at the beginning.`,
  );
}

async function notFound(deps: FindDeps, id: string): Promise<ServiceError> {
  await settled(deps, GLANCE_MS);
  const { documents } = await deps.index.executions({ limit: 3 });
  const newest = documents.map((document) => `${document.id} (${document.action.ref}, ${document.status})`);
  const hint = newest.length > 0 ? ` The newest are: ${newest.join(', ')}.` : ' There are none yet.';
  return new ServiceError(
    'execution-not-found',
    `Unable to identify resource with id "${id.slice(0, 100)}".${hint}`,
  );
}
