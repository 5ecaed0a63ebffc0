/**
 * Bulk requests with an answer for every document. Documents that the cluster has no room for now are sent again with
 * growing pauses, a request that is too large is sent in halves, and rejected documents are given back with the reason.
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

interface Rejection {
  item: BulkItem;
  reason: string;
}

/** Large enough to be fast, small enough to be answered soon. */
const REQUEST_BYTES = 4 * 1024 * 1024;
/** One is sent while the documents of the next are made. */
const REQUESTS_AT_ONCE = 2;
const REQUEST_ITEMS = 2000;
const RETRY = { firstMs: 100, longestMs: 3000, jitter: 0.4 };
/** A request that is busy for this long fails. */
const PATIENCE_MS = 30_000;

/** The cluster has it already: a chunk that was delivered twice, or a newer state of a document. */
const CONFLICT = 409;
const NOT_FOUND = 404;
const TOO_LARGE = 413;
const BUSY = [429, 503];

function* inRequests(items: Iterable<BulkItem>): Generator<BulkItem[]> {
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
 * Resolves when every document was accepted or rejected; with `refresh`, the accepted ones can be searched then.
 * @throws ServiceError `output-index-unavailable`: some may have been written; the caller sends all of them again.
 */
export async function sendBulk(
  client: Requests,
  items: Iterable<BulkItem>,
  { refresh = false } = {},
): Promise<Rejection[]> {
  const rejections: Rejection[] = [];
  const underWay = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  for (const request of inRequests(items)) {
    const sent = sendRequest(client, request, rejections, refresh)
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
  return rejections;
}

/** @throws ServiceError `index-rejected` when a document is rejected; see {@link sendBulk} for others. */
export async function sendAllOrThrow(
  client: Requests,
  items: Iterable<BulkItem>,
  options?: { refresh?: boolean },
): Promise<void> {
  const rejections = await sendBulk(client, items, options);
  const [first] = rejections;
  if (!first) return;
  const { index, create } = JSON.parse(first.item.action);
  const id = (index ?? create)._id;
  const message = `Elasticsearch rejected ${rejections.length} documents, first ${id}: ${first.reason}`;
  throw new ServiceError('index-rejected', message);
}

/** Sends the items until all are accepted or rejected. */
async function sendRequest(
  client: Requests,
  items: BulkItem[],
  rejections: Rejection[],
  refresh: boolean,
): Promise<void> {
  let rest = items;
  const deadlineMs = performance.now() + PATIENCE_MS;
  const backoff = createBackoff(RETRY);
  const query = { filter_path: 'errors,items.*.status,items.*.error', ...(refresh ? { refresh } : {}) };
  for (;;) {
    let answer: Answer;
    try {
      const lines = rest.flatMap(({ action, source }) =>
        source === undefined ? [action] : [action, source],
      );
      answer = await client.send('POST', '/_bulk', lines, { query });
    } catch (error) {
      const status = statusOf(error);
      if (status === TOO_LARGE) return sendHalves(client, rest, rejections, refresh);
      if (status === undefined || !BUSY.includes(status) || performance.now() > deadlineMs) throw error;
      await backoff.pause();
      continue;
    }
    const { busy, reason } = sortAnswer(answer, rest, rejections);
    if (busy.length === 0) return;
    if (performance.now() > deadlineMs) {
      const message = `Elasticsearch has had no room for ${busy.length} documents for ${PATIENCE_MS / 1000} s: ${reason}`;
      throw new ServiceError('output-index-unavailable', message, { retriable: true });
    }
    rest = busy;
    await backoff.pause();
  }
}

async function sendHalves(
  client: Requests,
  items: BulkItem[],
  rejections: Rejection[],
  refresh: boolean,
): Promise<void> {
  const [only] = items;
  if (items.length === 1 && only) {
    rejections.push({ item: only, reason: 'it is larger than http.max_content_length allows' });
    return;
  }
  const half = items.length >> 1;
  await sendRequest(client, items.slice(0, half), rejections, refresh);
  await sendRequest(client, items.slice(half), rejections, refresh);
}

/** Adds the rejected items to `rejections`, and gives those that the cluster had no room for, with one reason. */
function sortAnswer(
  answer: Answer,
  items: readonly BulkItem[],
  rejections: Rejection[],
): { busy: BulkItem[]; reason: string } {
  const busy: BulkItem[] = [];
  let reason = '';
  if (!answer.errors) return { busy, reason };
  for (const [index, entry] of (answer.items as Record<string, ItemAnswer>[]).entries()) {
    const result = Object.values(entry)[0] as ItemAnswer;
    const item = items[index] as BulkItem;
    if (result.status < 300 || result.status === CONFLICT) continue;
    if (result.status === NOT_FOUND && item.source === undefined) continue;
    if (BUSY.includes(result.status)) {
      busy.push(item);
      reason = reasonOf(result);
    } else rejections.push({ item, reason: reasonOf(result) });
  }
  return { busy, reason };
}
