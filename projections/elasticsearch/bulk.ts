/**
 * Bulk requests with an answer for every document. What the cluster has no room for now is sent again with growing
 * pauses, what is too large in one request is sent in halves, and what it refuses comes back with the reason.
 */
import { createBackoff } from '../../lib/backoff.ts';
import { ServiceError } from '../../lib/errors.ts';
import { type Answer, type Requests, statusOf } from './client.ts';

export interface BulkItem {
  /** The action line as JSON. */
  action: string;
  /** The document as JSON; absent for deletions. */
  source?: string;
}

export interface Refused {
  item: BulkItem;
  reason: string;
}

/** Large enough to be fast, small enough that its answer comes soon. */
const REQUEST_BYTES = 4 * 1024 * 1024;
/** One is on its way while the next one's documents are made. */
const REQUESTS_AT_ONCE = 2;
const REQUEST_ITEMS = 2000;
const RETRY = { firstMs: 100, longestMs: 3000, jitter: 0.4 };
/** After this long without progress the caller decides; it keeps what it has. */
const PATIENCE_MS = 30_000;

/** It is there already: a chunk that came twice, or a newer state of a document. */
const CONFLICT = 409;
const NOT_FOUND = 404;
const BUSY = [429, 503];

function* requests(items: Iterable<BulkItem>): Generator<BulkItem[]> {
  let batch: BulkItem[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = item.action.length + (item.source?.length ?? 0);
    if (batch.length > 0 && (bytes + size > REQUEST_BYTES || batch.length >= REQUEST_ITEMS)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

interface ItemAnswer {
  status: number;
  error?: { type?: string; reason?: string; caused_by?: { reason?: string } };
}

function reasonOf({ error, status }: ItemAnswer): string {
  const cause = error?.caused_by?.reason;
  return `${error?.type ?? `status ${status}`}: ${error?.reason ?? 'no reason given'}${cause ? ` (${cause})` : ''}`;
}

/**
 * Resolves when every document was taken or refused for good; with `refresh`, what was taken can be searched then.
 * @throws ServiceError `output-index-unavailable`: some may have been written; sending all again is right.
 */
export async function sendBulk(
  client: Requests,
  items: Iterable<BulkItem>,
  { refresh = false } = {},
): Promise<Refused[]> {
  const refused: Refused[] = [];
  const underWay = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  for (const batch of requests(items)) {
    const sent = sendOne(client, batch, refused, refresh)
      .catch((error) => {
        failure ??= { error };
      })
      .finally(() => underWay.delete(sent));
    underWay.add(sent);
    if (underWay.size >= REQUESTS_AT_ONCE) await Promise.race(underWay);
    else await Promise.resolve();
    if (failure) break;
  }
  await Promise.all(underWay);
  if (failure) throw failure.error;
  return refused;
}

async function sendOne(
  client: Requests,
  batch: BulkItem[],
  refused: Refused[],
  refresh: boolean,
): Promise<void> {
  let left = batch;
  const deadline = performance.now() + PATIENCE_MS;
  const backoff = createBackoff(RETRY);
  for (;;) {
    let answer: Answer;
    try {
      answer = await client.send(
        'POST',
        '/_bulk',
        left.flatMap(({ action, source }) => (source === undefined ? [action] : [action, source])),
        { query: { filter_path: 'errors,items.*.status,items.*.error', ...(refresh ? { refresh } : {}) } },
      );
    } catch (error) {
      const status = statusOf(error);
      if (status === 413) {
        const [only] = left;
        if (left.length === 1 && only) {
          refused.push({ item: only, reason: 'it is larger than http.max_content_length allows' });
          return;
        }
        const half = left.length >> 1;
        await sendOne(client, left.slice(0, half), refused, refresh);
        await sendOne(client, left.slice(half), refused, refresh);
        return;
      }
      if (status === undefined || !BUSY.includes(status) || performance.now() > deadline) throw error;
      await backoff.pause();
      continue;
    }
    if (!answer.errors) return;
    const again: BulkItem[] = [];
    let reason = '';
    for (const [index, entry] of (answer.items as Record<string, ItemAnswer>[]).entries()) {
      const result = Object.values(entry)[0] as ItemAnswer;
      const item = left[index] as BulkItem;
      if (result.status < 300 || result.status === CONFLICT) continue;
      if (result.status === NOT_FOUND && item.source === undefined) continue;
      if (BUSY.includes(result.status)) {
        again.push(item);
        reason = reasonOf(result);
      } else refused.push({ item, reason: reasonOf(result) });
    }
    if (again.length === 0) return;
    if (performance.now() > deadline) {
      const message = `Elasticsearch has had no room for ${again.length} documents for ${PATIENCE_MS / 1000} s: ${reason}`;
      throw new ServiceError('output-index-unavailable', message, { retriable: true });
    }
    left = again;
    await backoff.pause();
  }
}
