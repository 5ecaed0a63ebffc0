/**
 * Finds the execution that a request names: by id, by a unique beginning of an id, or by `last`. Also waits, within
 * bounds, until the index has caught up with the log, so that a caller sees its own last request in the response.
 */

import { isEnd } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { ApiDeps } from '../deps.ts';

type FindDeps = Pick<ApiDeps, 'log' | 'index' | 'projector'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Shorter beginnings span more than two months of ids. */
const SHORTEST_PREFIX = 4;
/** How long a response may wait for the projector. */
export const SETTLE_MS = 3000;
/** A response about a running execution waits less: it is out of date at once in any case. */
const GLANCE_MS = 150;

/** Waits until the index has caught up with the present end of the log. False when that takes longer than `ms`. */
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
 * The execution's document. With `fresh` it waits for the index; without, it only identifies the execution.
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
    // Running executions can be followed and canceled while the index is unavailable: the log has them.
    const folded = isIndexUnavailable(error) ? await fold(deps, id.toLowerCase()) : undefined;
    if (folded) return folded;
    throw error;
  }
  if (known && (!fresh || isEnd(known.status))) return known;
  // A caller that only identifies an execution, such as a follower, gets it from the log when the index is far behind.
  const complete = await settled(deps, known || !fresh ? GLANCE_MS : SETTLE_MS);
  const document = (await deps.index.execution(id.toLowerCase())) ?? known;
  if (document) return document;
  const folded = complete ? undefined : await fold(deps, id.toLowerCase());
  if (folded) return folded;
  throw await notFound(deps, id);
}

function isIndexUnavailable(error: unknown): boolean {
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
      `"${text}" is the beginning of several ids: ${matches.map((match) => match.id).join(', ')}. Give more characters.`,
    );
  }
  throw await notFound(deps, text);
}

/** The newest executions whose id begins with the text. An id begins with its time, so this reads only that span. */
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
 * A position beyond the last one was never assigned. A follower that waits for it would miss the events before it.
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
    `Position ${after} is beyond the last one of this execution, ${last}. Omit it to start at the beginning.`,
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
