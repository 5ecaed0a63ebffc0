/**
 * The three formats of output: raw text, NDJSON and SSE. A format encodes lines, state, trimming and end; it knows nothing
 * of sockets.
 */
import { isUtf8 } from 'node:buffer';
import { toWire, wireTime } from '../../events/codec.ts';
import type { LifecycleEvent, Status } from '../../events/event.ts';
import type { ServiceError } from '../../lib/errors.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';
import type { EndRecord } from '../../wire/output.ts';
import type { Ending } from '../follow/ending.ts';
import { SSE_BYE, SSE_PING, sseError, sseMessage } from '../http/sse.ts';
import { type LineSelection, linesOf, seqsOf } from './line-selection.ts';

export interface Format {
  contentType: string;
  lines(selection: LineSelection): Uint8Array;
  /** A lifecycle event, except the last one. */
  lifecycle?(event: LifecycleEvent): Uint8Array;
  /** The present state, sent first. */
  state?(document: ExecutionDocument): Uint8Array | undefined;
  trimmed?(through: number): Uint8Array;
  end?(end: Ending): Uint8Array;
  /** The answer ends here, before its end; absent where the form has no words of its own. */
  failed?(error: ServiceError): Uint8Array;
  ping?: Uint8Array;
  bye?: Uint8Array;
  /** True when the bytes of a whole chunk are the same for every reader. */
  shareable: boolean;
}

const STATUS_OF: Partial<Record<LifecycleEvent['type'], Status>> = {
  'execution.requested': 'requested',
  'execution.scheduled': 'scheduled',
  'execution.started': 'running',
  'execution.cancel_requested': 'canceling',
};

export function sseFormat(): Format {
  return {
    contentType: 'text/event-stream; charset=utf-8',
    lines({ chunk, seqs }) {
      return sseMessage('output', chunk.position, seqs ? { ...toWire(chunk), seqs } : toWire(chunk));
    },
    lifecycle(event) {
      const { execution_id, position, at, worker, hostname, pid, by } = toWire(event);
      return sseMessage('status', position, {
        execution_id,
        position,
        status: STATUS_OF[event.type],
        at,
        worker,
        hostname,
        pid,
        by,
      });
    },
    state(document) {
      const entry = document.log.findLast(({ status }) => status === document.status);
      if (document.endedAt !== undefined) return undefined;
      const { worker, hostname, pid } = document;
      return sseMessage('status', undefined, {
        execution_id: document.id,
        status: document.status,
        at: wireTime(entry?.at ?? document.requestedAt),
        worker,
        hostname,
        pid,
      });
    },
    trimmed: (through) => sseMessage('trimmed', undefined, { through }),
    end: (end) => sseMessage('end', end.position, endData(end)),
    failed: sseError,
    ping: SSE_PING,
    bye: SSE_BYE,
    shareable: true,
  };
}

function endData(end: Ending): EndRecord {
  return {
    status: end.status,
    exit_code: end.exitCode,
    signal: end.signal,
    ...(end.error === undefined ? {} : { error: end.error }),
    ...(end.note === undefined ? {} : { note: end.note }),
    totals: end.totals,
    ...(end.elapsedMs === undefined ? {} : { elapsed_seconds: end.elapsedMs / 1000 }),
    end_timestamp: wireTime(end.at),
    position: end.position,
  };
}

/** One JSON object for each line or part of a line; text and line ends give back the bytes exactly. */
export function ndjsonFormat(): Format {
  return {
    contentType: 'application/x-ndjson',
    lines(selection) {
      const { chunk } = selection;
      const { data, stream, position, host, omitted } = chunk;
      const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const clean = isUtf8(bytes);
      const at = wireTime(chunk.at);
      const { seqs } = selection;
      let text = '';
      for (const [index, line] of linesOf(chunk).entries()) {
        let end = line.end;
        let eol: string | undefined = '';
        if (end > line.start && bytes[end - 1] === 0x0a) {
          end -= 1;
          eol = undefined;
          if (end > line.start && bytes[end - 1] === 0x0d) {
            end -= 1;
            eol = '\r\n';
          }
        }
        const piece = bytes.subarray(line.start, end);
        const utf8 = clean || isUtf8(piece);
        text += `${JSON.stringify({
          seq: seqs?.[index] ?? line.seq,
          stream,
          at,
          text: piece.toString(utf8 ? 'utf8' : 'base64'),
          position,
          ...(host === undefined ? {} : { host }),
          ...(line.ended ? {} : { partial: true }),
          ...(utf8 ? {} : { encoding: 'base64' }),
          ...(eol === undefined || !line.ended ? {} : { eol }),
          ...(omitted ? { omitted } : {}),
        })}\n`;
      }
      return Buffer.from(text);
    },
    trimmed: (through) => Buffer.from(`${JSON.stringify({ trimmed: { through } })}\n`),
    end: (end) => Buffer.from(`${JSON.stringify({ end: endData(end) })}\n`),
    failed: ({ code, message }) => Buffer.from(`${JSON.stringify({ error: { code, detail: message } })}\n`),
    shareable: true,
  };
}

/** The bytes as stored; with timestamps, each line begins with its time. */
export function rawFormat(timestamps: boolean): Format {
  const contentType = 'text/plain; charset=utf-8';
  if (!timestamps) return { contentType, lines: ({ chunk }) => chunk.data, shareable: false };
  const begun = new Map<string, number>();
  return {
    contentType,
    lines(selection) {
      const { chunk } = selection;
      const key = `${chunk.stream}/${chunk.host ?? ''}`;
      const stamp = Buffer.from(`${wireTime(chunk.at)} `);
      const seqs = seqsOf(selection);
      const pieces: Uint8Array[] = [];
      for (const [index, line] of linesOf(chunk).entries()) {
        const seq = seqs[index] ?? line.seq;
        if (begun.get(key) !== seq) pieces.push(stamp);
        begun.set(key, seq);
        pieces.push(chunk.data.subarray(line.start, line.end));
      }
      return Buffer.concat(pieces);
    },
    shareable: false,
  };
}
