/**
 * Turns chunks of output into what is written to our stdout and stderr. Three formats: `text` (bytes as they are to a
 * pipe, made safe for a terminal, with optional time and prefix a line), `raw` (bytes, always) and `json` (one object
 * a line). Pure: it writes nothing itself and keeps only the state of lines that are not finished.
 */

import type { StreamName } from '../../events/event.ts';
import type { EndRecord, OutputChunk } from '../../wire/output.ts';
import { formatClock } from './duration.ts';
import { toJson } from './json.ts';
import { type TerminalText, terminalText } from './terminal-text.ts';

export type { EndRecord, OutputChunk };

export interface Target {
  isTerminal: boolean;
  /** Colours were refused outright: escape sequences go, even to a pipe. */
  noEscapes: boolean;
  columns?: () => number;
}

export interface OutputOptions {
  format: 'text' | 'raw' | 'json';
  timestamps?: 'long' | 'short' | undefined;
  /** Text before each line, for example the execution's short id; already coloured. */
  prefix?: ((chunk: OutputChunk) => string) | undefined;
  /** Paints the time of a line. */
  paintTime?: (text: string) => string;
  stdout: Target;
  stderr: Target;
}

/** What to write where. */
export interface Piece {
  to: StreamName;
  data: string | Uint8Array;
}

export interface OutputRenderer {
  chunk(chunk: OutputChunk): Piece[];
  /** What closes open lines and colours; for json, the record of the end when there is one. */
  end(end?: EndRecord, executionId?: string): Piece[];
}

const BINARY = 'latin1' as const;

function bytesOf(chunk: OutputChunk): Buffer {
  return Buffer.from(chunk.text, chunk.encoding === 'base64' ? 'base64' : 'utf8');
}

/** Time of a line: RFC 3339, or the local wall clock. */
export function timestamp(at: string, kind: 'long' | 'short'): string {
  return kind === 'long' ? at : formatClock(Date.parse(at));
}

/** Lines of a chunk as objects, in the API's own NDJSON shape. A piece of an unfinished line has `partial`. */
export function jsonLines(chunk: OutputChunk): Record<string, unknown>[] {
  const bytes = bytesOf(chunk);
  const records: Record<string, unknown>[] = [];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const carriage = newline > start && bytes[newline - 1] === 0x0d;
    const line = bytes.subarray(start, carriage ? end - 1 : end);
    const text = line.toString('utf8');
    const exact = chunk.encoding !== 'base64' || Buffer.from(text, 'utf8').equals(line);
    records.push({
      seq: chunk.seqs?.[records.length] ?? chunk.seq + records.length,
      stream: chunk.stream,
      at: chunk.at,
      text: exact ? text : line.toString('base64'),
      ...(exact ? {} : { encoding: 'base64' }),
      ...(newline < 0 ? { eol: '' } : carriage ? { eol: '\r\n' } : {}),
      ...(newline < 0 && chunk.partial ? { partial: true } : {}),
      ...(chunk.host === undefined ? {} : { host: chunk.host }),
      ...(chunk.omitted ? { omitted: chunk.omitted } : {}),
      position: chunk.position,
    });
    start = end + 1;
  }
  return records;
}

interface Lane {
  decoder: TextDecoder;
  filter: TerminalText;
  prefix: string;
}

/** One renderer serves all executions and hosts that are printed to the same place. */
export function outputRenderer(options: OutputOptions): OutputRenderer {
  const decorated = options.timestamps !== undefined || options.prefix !== undefined;
  const shared = options.stdout.isTerminal && options.stderr.isTerminal;
  const lanes = new Map<string, Lane>();
  /** The line that is open on each screen, by lane: another lane must break it first. */
  const open = new Map<string, string>();

  const screenOf = (stream: StreamName) => (shared ? 'terminal' : stream);
  const keyOf = (chunk: OutputChunk) => `${chunk.execution_id} ${chunk.stream} ${chunk.host ?? ''}`;

  function laneOf(chunk: OutputChunk): Lane {
    const key = keyOf(chunk);
    let lane = lanes.get(key);
    if (!lane) {
      const target = options[chunk.stream];
      const created: Lane = {
        decoder: new TextDecoder(),
        prefix: '',
        filter: terminalText({
          sgr: !target.noEscapes,
          bytes: !target.isTerminal,
          ...(target.columns ? { columns: target.columns } : {}),
          redrawPrefix: () => created.prefix,
        }),
      };
      lane = created;
      lanes.set(key, lane);
    }
    return lane;
  }

  /** The chunk's text for its target: characters for a terminal, bytes in latin1 for a pipe. */
  function textFor(chunk: OutputChunk, lane: Lane, target: Target): string {
    if (!target.isTerminal) return bytesOf(chunk).toString(BINARY);
    if (chunk.encoding === 'base64') return lane.decoder.decode(bytesOf(chunk), { stream: true });
    return lane.decoder.decode() + chunk.text;
  }

  function encode(text: string, target: Target): string | Uint8Array {
    return target.isTerminal ? text : Buffer.from(text, BINARY);
  }

  function prefixOf(chunk: OutputChunk, target: Target): string {
    const time = options.timestamps ? timestamp(chunk.at, options.timestamps) : '';
    const text = `${time ? `${options.paintTime?.(time) ?? time} ` : ''}${options.prefix?.(chunk) ?? ''}`;
    return target.isTerminal ? text : Buffer.from(text, 'utf8').toString(BINARY);
  }

  function decoratedText(chunk: OutputChunk, lane: Lane, target: Target): string {
    const key = keyOf(chunk);
    const screen = screenOf(chunk.stream);
    lane.prefix = prefixOf(chunk, target);
    let out = '';
    for (const piece of textFor(chunk, lane, target).split(/(?<=\n)/)) {
      if (piece === '') continue;
      const colours = lane.filter.sgr();
      if (open.get(screen) !== key) {
        if (open.has(screen)) out += '\n';
        out += lane.prefix + colours;
      }
      const safe = !target.isTerminal && !target.noEscapes ? piece : lane.filter.write(piece);
      const reset = lane.filter.sgr() ? '\x1b[0m' : '';
      if (piece.endsWith('\n')) {
        out += safe.endsWith('\n') ? `${safe.slice(0, -1)}${reset}\n` : `${safe}${reset}\n`;
        open.delete(screen);
      } else {
        out += safe;
        open.set(screen, key);
      }
    }
    return out;
  }

  function text(chunk: OutputChunk): Piece[] {
    const target = options[chunk.stream];
    if (options.format === 'raw' || (!target.isTerminal && !decorated && !target.noEscapes)) {
      return [{ to: chunk.stream, data: chunk.encoding === 'base64' ? bytesOf(chunk) : chunk.text }];
    }
    const lane = laneOf(chunk);
    const out = decorated
      ? decoratedText(chunk, lane, target)
      : lane.filter.write(textFor(chunk, lane, target));
    return [{ to: chunk.stream, data: encode(out, target) }];
  }

  return {
    chunk(chunk) {
      if (options.format !== 'json') return text(chunk);
      const lines = jsonLines(chunk).map((record) =>
        options.prefix ? toJson({ execution_id: chunk.execution_id, ...record }) : toJson(record),
      );
      return [{ to: 'stdout', data: lines.length > 0 ? `${lines.join('\n')}\n` : '' }];
    },
    end(end, executionId) {
      if (options.format === 'json') {
        if (!end) return [];
        const record = options.prefix ? { execution_id: executionId, end } : { end };
        return [{ to: 'stdout', data: `${toJson(record)}\n` }];
      }
      const pieces: Piece[] = [];
      for (const [key, lane] of lanes) {
        const [id, stream] = key.split(' ') as [string, StreamName];
        if (executionId !== undefined && id !== executionId) continue;
        const reset = lane.filter.end();
        if (reset) pieces.push({ to: stream, data: reset });
        const screen = screenOf(stream);
        if (decorated && open.get(screen) === key) {
          open.delete(screen);
          pieces.push({ to: stream, data: '\n' });
        }
        lanes.delete(key);
      }
      return pieces;
    },
  };
}
