/** Converts chunks and execution documents to Elasticsearch documents and back, byte for byte. */
import { isUtf8 } from 'node:buffer';
import type { OutputAppended, StreamName, StreamTotals } from '../../events/event.ts';
import type { ExecutionDocument } from '../execution-document.ts';
import { visible } from '../search/text.ts';
import { wordsOf } from './chunk-words.ts';

const ECS_VERSION = '9.0.0';

/** The part of a chunk document that is read back. */
export interface ChunkSource {
  '@timestamp': string;
  message: string;
  event: { sequence: number; action?: string };
  host?: { name: string };
  linefeed: {
    execution: { id: string };
    position: number;
    stream: StreamName;
    last_sequence: number;
    lines: number;
    offset: number;
    bytes: number;
    partial?: true;
    continues?: true;
    data?: string;
    encoding?: 'base64';
    omitted?: StreamTotals;
  };
}

/** The id of a chunk's document, the same for every delivery of the chunk. */
export function chunkId({ executionId, host, stream, offset, position, omitted }: OutputAppended): string {
  // The marker of omitted output has an offset that a chunk may have too.
  return `${executionId}:${host ?? ''}:${stream}:${offset}${omitted ? `:cut${position}` : ''}`;
}

/** `continues`: the chunk begins in the middle of a line. */
export function chunkDocument(
  chunk: OutputAppended,
  execution: ExecutionDocument | undefined,
  continues: boolean,
): string {
  const bytes = Buffer.from(chunk.data.buffer, chunk.data.byteOffset, chunk.data.byteLength);
  const utf8 = isUtf8(bytes);
  const text = bytes.toString('utf8');
  const message = visible(text);
  const exact = utf8 && message === text;
  return JSON.stringify({
    '@timestamp': new Date(chunk.at).toISOString(),
    ecs: { version: ECS_VERSION },
    message,
    event: {
      sequence: chunk.seq,
      dataset: 'linefeed.output',
      ...(execution ? { action: execution.action.ref } : {}),
    },
    ...(execution ? { user: { name: execution.user } } : {}),
    ...(execution && Object.keys(execution.labels).length > 0 ? { labels: execution.labels } : {}),
    ...(chunk.host === undefined ? {} : { host: { name: chunk.host } }),
    linefeed: {
      execution: { id: chunk.executionId },
      position: chunk.position,
      stream: chunk.stream,
      last_sequence: chunk.seq + chunk.lines - 1,
      lines: chunk.lines,
      offset: chunk.offset,
      bytes: chunk.bytes,
      ...(chunk.partial ? { partial: true } : {}),
      ...(continues ? { continues: true } : {}),
      ...(exact ? {} : utf8 ? { data: text } : { data: bytes.toString('base64'), encoding: 'base64' }),
      ...(chunk.omitted ? { omitted: chunk.omitted } : {}),
      words: wordsOf(message, message === text && utf8 ? bytes : Buffer.from(message)),
    },
  });
}

export function chunkOf(source: ChunkSource): OutputAppended {
  const { linefeed, host } = source;
  return {
    type: 'output.appended',
    executionId: linefeed.execution.id,
    position: linefeed.position,
    at: Date.parse(source['@timestamp']),
    stream: linefeed.stream,
    seq: source.event.sequence,
    lines: linefeed.lines,
    offset: linefeed.offset,
    bytes: linefeed.bytes,
    data: Buffer.from(linefeed.data ?? source.message, linefeed.encoding ?? 'utf8'),
    ...(linefeed.partial ? { partial: true } : {}),
    ...(host ? { host: host.name } : {}),
    ...(linefeed.omitted ? { omitted: linefeed.omitted } : {}),
  };
}

/** How much of a document `text` searches; the limit of the field that holds it. */
const TEXT_CHARACTERS = 8191;
const SUCCEEDED = 'succeeded';

/** @param purged retention has purged its output, whether it had any or not. */
export function executionSource(
  document: ExecutionDocument,
  purged = document.outputPurgedThrough !== undefined,
): string {
  const text = `${document.action.ref} ${document.user} ${JSON.stringify(document.parameters)}`.toLowerCase();
  const labels = Object.entries(document.labels);
  const iso = (at: number) => new Date(at).toISOString();
  return JSON.stringify({
    '@timestamp': iso(document.requestedAt),
    ecs: { version: ECS_VERSION },
    event: {
      dataset: 'linefeed.executions',
      action: document.action.ref,
      ...(document.startedAt === undefined ? {} : { start: iso(document.startedAt) }),
      ...(document.endedAt === undefined
        ? {}
        : { end: iso(document.endedAt), outcome: document.status === SUCCEEDED ? 'success' : 'failure' }),
      ...(document.elapsedMs === undefined ? {} : { duration: Math.round(document.elapsedMs * 1e6) }),
    },
    user: { name: document.user },
    labels: document.labels,
    ...(document.pid === undefined && document.exitCode === undefined
      ? {}
      : {
          process: {
            ...(document.pid === undefined ? {} : { pid: document.pid }),
            ...(typeof document.exitCode === 'number' ? { exit_code: document.exitCode } : {}),
          },
        }),
    ...(document.hostname === undefined ? {} : { host: { hostname: document.hostname } }),
    ...(document.error === undefined ? {} : { error: { message: document.error } }),
    linefeed: {
      execution: { id: document.id, status: document.status },
      runner: document.action.runner,
      ...(document.worker === undefined ? {} : { worker: document.worker }),
      ...(document.idempotencyKey === undefined ? {} : { idempotency_key: document.idempotencyKey }),
      ...(labels.length === 0 ? {} : { label: labels.map(([name, value]) => `${name}=${value}`) }),
      text: text.slice(0, TEXT_CHARACTERS),
      ...(purged ? { purged: true } : {}),
      document,
    },
  });
}

export function executionOf(source: { linefeed: { document: ExecutionDocument } }): ExecutionDocument {
  return source.linefeed.document;
}
