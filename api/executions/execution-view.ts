/**
 * Executions as clients see them: StackStorm's field names, RFC 3339 times, no secret and nothing of our own
 * book-keeping.
 */
import type { Executions } from '../../actors/executions.ts';
import { wireTime } from '../../events/codec.ts';
import { type ExecutionRequested, isEnd, type StreamName } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { OutputIndex } from '../../projections/output-index.ts';
import type { ExecutionJson } from '../../wire/execution.ts';

/** The only attributes that StackStorm lets a client leave out. */
const EXCLUDABLE = ['result', 'trigger_instance', 'status'];
/** Context keys that are ours alone. */
export const IDEMPOTENCY_DIGEST = 'idempotency-digest';
/** Output beyond this is not repeated in the result; the output routes have it. */
const RESULT_TEXT_BYTES = 256 * 1024;

interface ResultTexts {
  stdout: string;
  stderr: string;
  /** The same by host, of remote executions. */
  hosts?: Record<string, Record<StreamName, string>>;
}

/** @param texts the output to repeat in the result; lists go without. */
export function executionJson(document: ExecutionDocument, texts?: ResultTexts): ExecutionJson {
  const { action, labels, output } = document;
  const { [IDEMPOTENCY_DIGEST]: digest, ...context } = document.context;
  void digest;
  const ended = isEnd(document.status);
  return withoutUndefined<ExecutionJson>({
    id: document.id,
    status: document.status,
    action: withoutUndefined({
      ref: action.ref,
      pack: action.pack,
      name: action.name,
      runner_type: action.runner,
      entry_point: action.entryPoint,
      description: action.description,
    }),
    runner: { name: action.runner },
    liveaction: withoutUndefined({
      id: document.id,
      action: action.ref,
      parameters: document.parameters,
      runner_info: document.hostname ? { hostname: document.hostname, pid: document.pid } : undefined,
    }),
    parameters: document.parameters,
    context: {
      ...context,
      user: document.user,
      pack: action.pack,
      ...(document.canceledBy === undefined ? {} : { cancelled_by: document.canceledBy }),
    },
    labels,
    log: document.log.map(({ at, status }) => ({ timestamp: wireTime(at), status })),
    start_timestamp: wireTime(document.requestedAt),
    end_timestamp: document.endedAt === undefined ? undefined : wireTime(document.endedAt),
    elapsed_seconds: ended
      ? (document.elapsedMs ??
          Math.max(0, (document.endedAt ?? document.requestedAt) - document.requestedAt)) / 1000
      : undefined,
    result: ended ? resultJson(document, texts) : undefined,
    output,
    last_seq: document.lastSeq,
    last_position: document.through,
    output_expired: document.outputPurgedThrough === undefined ? undefined : true,
    worker: document.worker,
    hostname: document.hostname,
    pid: document.pid,
  });
}

function resultJson(document: ExecutionDocument, texts?: ResultTexts): NonNullable<ExecutionJson['result']> {
  const succeeded = document.status === 'succeeded';
  return withoutUndefined({
    return_code: document.exitCode ?? null,
    signal: document.signal ?? undefined,
    error: document.error,
    note: document.note,
    succeeded,
    failed: !succeeded,
    stdout: texts?.stdout,
    stderr: texts?.stderr,
    totals: document.output,
    result: document.result,
    exit_code: document.action.runner === 'python-script' ? (document.exitCode ?? null) : undefined,
    ...hostResults(document, texts?.hosts),
  });
}

/** StackStorm's result of a remote execution has one entry a host, with its output. */
function hostResults(document: ExecutionDocument, hosts: ResultTexts['hosts']): Record<string, unknown> {
  if (!hosts) return {};
  const outcomes = document.result as Record<string, object>;
  return Object.fromEntries(
    Object.entries(outcomes).map(([host, outcome]) => [
      host,
      { ...outcome, ...(hosts[host] ?? { stdout: '', stderr: '' }) },
    ]),
  );
}

/** @param executions tells why a request waits: nothing of that is recorded. */
export function executionJsonNow(
  executions: Pick<Executions, 'waitReason'>,
  document: ExecutionDocument,
  texts?: ResultTexts,
): ExecutionJson {
  const reason = document.status === 'requested' ? executions.waitReason(document.labels) : undefined;
  return { ...executionJson(document, texts), ...(reason === undefined ? {} : { wait_reason: reason }) };
}

/** The document that an answer to a request shows: nothing has happened to it yet. */
export function requestedJson(event: ExecutionRequested): ExecutionJson {
  return executionJson(applyEvent(undefined, event));
}

/** An ended execution's output as StackStorm puts it into the result: without the last line end. */
export async function resultTexts(
  index: OutputIndex,
  document: ExecutionDocument,
): Promise<ResultTexts | undefined> {
  if (!isEnd(document.status)) return undefined;
  return {
    stdout: await resultText(index, document, 'stdout'),
    stderr: await resultText(index, document, 'stderr'),
    ...(isRemote(document) ? { hosts: await hostTexts(index, document) } : {}),
  };
}

function isRemote({ action, result }: ExecutionDocument): boolean {
  return action.runner.startsWith('remote-shell-') && result !== null && typeof result === 'object';
}

/** Whole chunks by host, up to the same bound as the other texts. */
async function hostTexts(
  index: OutputIndex,
  document: ExecutionDocument,
): Promise<Record<string, Record<StreamName, string>>> {
  const pieces = new Map<string, Record<StreamName, Uint8Array[]>>();
  let bytes = 0;
  const stop = new AbortController();
  if (document.outputPurgedThrough !== undefined) return {};
  for await (const chunks of index.chunks(document.id, { through: document.through, signal: stop.signal })) {
    for (const chunk of chunks) {
      if (chunk.host === undefined) continue;
      const ofHost = pieces.get(chunk.host) ?? { stdout: [], stderr: [] };
      ofHost[chunk.stream].push(chunk.data);
      pieces.set(chunk.host, ofHost);
      bytes += chunk.data.byteLength;
    }
    if (bytes > RESULT_TEXT_BYTES) break;
  }
  stop.abort();
  const text = (parts: Uint8Array[]) =>
    Buffer.concat(parts)
      .toString('utf8')
      .replace(/\r?\n$/, '');
  return Object.fromEntries(
    [...pieces].map(([host, { stdout, stderr }]) => [host, { stdout: text(stdout), stderr: text(stderr) }]),
  );
}

async function resultText(
  index: OutputIndex,
  document: ExecutionDocument,
  stream: StreamName,
): Promise<string> {
  if (document.output[stream].bytes === 0 || document.outputPurgedThrough !== undefined) return '';
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const stop = new AbortController();
  const range = { stream, through: document.through, signal: stop.signal };
  for await (const chunks of index.chunks(document.id, range)) {
    for (const chunk of chunks) {
      pieces.push(chunk.data);
      bytes += chunk.data.byteLength;
    }
    if (bytes > RESULT_TEXT_BYTES) break;
  }
  stop.abort();
  const all = Buffer.concat(pieces);
  if (all.byteLength <= RESULT_TEXT_BYTES && bytes === all.byteLength) {
    return all.toString('utf8').replace(/\r?\n$/, '');
  }
  const head = all.subarray(0, RESULT_TEXT_BYTES).toString('utf8').replace(/�$/, '');
  return `${head}\n… the result holds the first ${RESULT_TEXT_BYTES} bytes; GET /v1/executions/${document.id}/${stream} has all`;
}

/** Which attributes a query asks for. @throws ServiceError `validation-failed`. */
export function attributesOf(query: {
  include_attributes?: string[] | undefined;
  exclude_attributes?: string[] | undefined;
}) {
  const { include_attributes: include, exclude_attributes: exclude } = query;
  if (include && exclude)
    throw new ServiceError(
      'validation-failed',
      'exclude_attributes and include_attributes parameters are mutually exclusive',
    );
  const odd = exclude?.find((name) => !EXCLUDABLE.includes(name));
  if (odd !== undefined) {
    throw new ServiceError(
      'validation-failed',
      `Invalid exclude_attributes "${odd}"; what can be excluded: ${EXCLUDABLE.join(', ')}`,
    );
  }
  return { include, exclude };
}

/** Keeps the attributes that were asked for, `id` always; dotted paths keep the whole of their first part. */
export function selectAttributes<T extends { id: string }>(
  json: T,
  include?: readonly string[],
  exclude?: readonly string[],
): Partial<T> & { id: string } {
  const { id } = json;
  if (include) {
    const keys = new Set(include.map((path) => path.split('.')[0] as string));
    return {
      id,
      ...(Object.fromEntries(Object.entries(json).filter(([key]) => keys.has(key))) as Partial<T>),
    };
  }
  if (!exclude) return json;
  const kept = Object.entries(json).filter(([key]) => !exclude.includes(key));
  return { id, ...(Object.fromEntries(kept) as Partial<T>) };
}

function withoutUndefined<T extends Record<string, unknown>>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
