/**
 * Requests to Elasticsearch and what their failures mean. The client library is loaded on first use. Its retries
 * are off, as the callers know what may be repeated.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@elastic/elasticsearch';
import { ServiceError } from '../../lib/errors.ts';
import { readRegularFile } from '../../lib/regular-file.ts';

export interface ElasticsearchConnection {
  node: string;
  apiKey?: string;
  username?: string;
  password?: string;
  /** Path of a CA certificate. */
  ca?: string;
}

/** An answer of the cluster; the caller knows its shape. */
// biome-ignore lint/suspicious/noExplicitAny: each request has its own answer
export type Answer = any;

/** A condition of a query. */
export type Clause = Record<string, unknown>;

/** Searches one index or alias; an empty answer when it does not exist yet. */
export type SearchIn = (body: object, signal?: AbortSignal) => Promise<Answer>;

export interface Requests {
  /**
   * @throws ServiceError `output-index-unavailable` (retriable) when the cluster does not answer or has no room now,
   * `index-rejected` when it rejects the request. Statuses in `accept` give undefined instead.
   */
  send(
    method: string,
    path: string,
    body?: unknown,
    options?: {
      accept?: readonly number[];
      query?: Record<string, string | number | boolean>;
      signal?: AbortSignal | undefined;
      timeoutMs?: number;
    },
  ): Promise<Answer>;
  close(): Promise<void>;
}

/** An alias or an index that does not exist yet is empty. */
export const IGNORE_MISSING = { ignore_unavailable: true, allow_no_indices: true };

const TIMEOUT_MS = 30_000;
const MAX_CA_BYTES = 4 * 1024 * 1024;
/** Connections of a burst of readers are closed soon after; the library would keep 256 for ten minutes. */
const AGENT = { connections: 64, keepAliveTimeout: 10_000, keepAliveMaxTimeout: 10_000 };
/** How long a read waits for a shard that is starting. */
const READ_PATIENCE_MS = 3000;
const READ_RETRY_MS = 50;

/** The HTTP status of a failed request, when the error has one. */
export function statusOf(error: unknown): number | undefined {
  // 0 or null when there was no answer.
  const status = (error as { meta?: { statusCode?: number | null } }).meta?.statusCode || undefined;
  return status ?? ((error as ServiceError).cause ? statusOf((error as ServiceError).cause) : undefined);
}

export function searchIn(client: Requests, alias: string): SearchIn {
  return async (body, signal) => {
    const options = { accept: [404], query: IGNORE_MISSING, signal };
    const answer = await client.send('POST', `/${alias}/_search`, body, options);
    return answer ?? { hits: { hits: [], total: { value: 0 } } };
  };
}

function toServiceError(cause: unknown, node: string): ServiceError {
  if (cause instanceof ServiceError) return cause;
  const error = cause as Error;
  const status = statusOf(error);
  const body = (cause as { meta?: { body?: { error?: { type?: string; reason?: string } } } }).meta?.body
    ?.error;
  const reason = (body?.reason ? `${body.type}: ${body.reason}` : error.message.split('\n')[0])?.slice(
    0,
    500,
  );
  if (status === 401 || status === 403) {
    return new ServiceError(
      'output-index-unavailable',
      `Elasticsearch at ${node} denied access (${reason}); check elasticsearch.apiKey or username and password`,
      { cause, retriable: true },
    );
  }
  if (status === undefined || status === 429 || status >= 500) {
    return new ServiceError(
      'output-index-unavailable',
      `Elasticsearch at ${node} is unavailable (${status === undefined ? reason : `status ${status}`}); output is buffered in the log`,
      { cause, retriable: true },
    );
  }
  return new ServiceError('index-rejected', `Elasticsearch rejected a request: ${reason}`, { cause });
}

export async function openRequests(connection: ElasticsearchConnection): Promise<Requests> {
  const { Client: ElasticsearchClient } = await import('@elastic/elasticsearch');
  const { apiKey, username, password, ca, node } = connection;
  const client: Client = new ElasticsearchClient({
    node,
    maxRetries: 0,
    requestTimeout: TIMEOUT_MS,
    agent: AGENT,
    ...(apiKey ? { auth: { apiKey } } : {}),
    ...(!apiKey && username ? { auth: { username, password: password ?? '' } } : {}),
    ...(ca ? { tls: { ca: await readRegularFile(ca, MAX_CA_BYTES, `elasticsearch.ca: ${ca}`) } } : {}),
  });
  return {
    async send(method, path, body, { accept = [], query, signal, timeoutMs } = {}) {
      const bulk = Array.isArray(body);
      const reads = method === 'GET' || path.endsWith('/_search');
      const deadline = performance.now() + READ_PATIENCE_MS;
      for (;;) {
        try {
          return await ask();
        } catch (error) {
          if (signal?.aborted) throw signal.reason;
          // A new index has no shard to read from yet.
          if (!reads || statusOf(error) !== 503 || performance.now() > deadline)
            throw toServiceError(error, node);
          await delay(READ_RETRY_MS);
        }
      }
      async function ask() {
        const answer = await client.transport.request(
          {
            method,
            path,
            ...(query ? { querystring: query } : {}),
            ...(body === undefined ? {} : bulk ? { bulkBody: body } : { body: body as object }),
          },
          {
            ignore: [...accept],
            meta: true,
            ...(signal ? { signal } : {}),
            ...(timeoutMs ? { requestTimeout: timeoutMs } : {}),
          },
        );
        return accept.includes(answer.statusCode as number) ? undefined : answer.body;
      }
    },
    close: () => client.close(),
  };
}
