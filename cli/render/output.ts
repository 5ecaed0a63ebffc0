/**
 * Formats chunks of output for stdout and stderr, in three formats: `text` (unchanged bytes to a pipe, made safe for a
 * terminal, with an optional time and prefix per line), `raw` (always unchanged bytes) and `json` (one object per line).
 * Writes nothing itself; keeps only the state of unfinished lines.
 */

import type { StreamName } from '../../events/event.ts';
import type { EndRecord, OutputChunk } from '../../wire/output.ts';
import { formatClock } from './duration.ts';
import { toJson } from './json.ts';
import { type TerminalText, terminalText } from './terminal-text.ts';

export type { EndRecord, OutputChunk };

export interface Target {
  isTerminal: boolean;
  /** The user refused colours: removes escape sequences, even for a pipe. */
  noEscapes: boolean;
  columns?: () => number;
}

export interface OutputOptions {
  format: 'text' | 'raw' | 'json';
  timestamps?: 'long' | 'short' | undefined;
  /** Text before each line, for example the execution's short id; already coloured. */
  prefix?: ((chunk: OutputChunk) => string) | undefined;
  /** Colours the time of a line. */
  paintTime?: (text: string) => string;
  stdout: Target;
  stderr: Target;
}

/** Data to write to one of our streams. */
export interface Write {
  to: StreamName;
  data: string | Uint8Array;
}

export interface OutputRenderer {
  chunk(chunk: OutputChunk): Write[];
  /** Closes open lines and colours; for json, formats the end record if there is one. */
  end(end?: EndRecord, executionId?: string): Write[];
}

const BINARY = 'latin1' as const;

function bytesOf(chunk: OutputChunk): Buffer {
  return Buffer.from(chunk.text, chunk.encoding === 'base64' ? 'base64' : 'utf8');
}

/** Time of a line: RFC 3339, or the local wall clock. */
export function timestamp(at: string, kind: 'long' | 'short'): string {
  return kind === 'long' ? at : formatClock(Date.parse(at));
}

/** The lines of a chunk as objects, as in the API's NDJSON. Part of a line has `partial`. */
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

/** The state of one stream of one host of an execution. */
interface Lane {
  decoder: TextDecoder;
  filter: TerminalText;
  prefix: string;
}

function createLane(target: Target): Lane {
  const lane: Lane = {
    decoder: new TextDecoder(),
    prefix: '',
    filter: terminalText({
      sgr: !target.noEscapes,
      bytes: !target.isTerminal,
      ...(target.columns ? { columns: target.columns } : {}),
      redrawPrefix: () => lane.prefix,
    }),
  };
  return lane;
}

/** The chunk's text for its target: characters for a terminal, bytes in latin1 for a pipe. */
function textFor(chunk: OutputChunk, lane: Lane, target: Target): string {
  if (!target.isTerminal) return bytesOf(chunk).toString(BINARY);
  if (chunk.encoding === 'base64') return lane.decoder.decode(bytesOf(chunk), { stream: true });
  return lane.decoder.decode() + chunk.text;
}

function prefixOf(chunk: OutputChunk, target: Target, options: OutputOptions): string {
  const time = options.timestamps ? timestamp(chunk.at, options.timestamps) : '';
  const text = `${time ? `${options.paintTime?.(time) ?? time} ` : ''}${options.prefix?.(chunk) ?? ''}`;
  return target.isTerminal ? text : Buffer.from(text, 'utf8').toString(BINARY);
}

const keyOf = (chunk: OutputChunk) => `${chunk.execution_id} ${chunk.stream} ${chunk.host ?? ''}`;

/** Adds times and prefixes to lines. Lanes that share a screen must not continue each other's lines. */
function lineDecorator(options: OutputOptions) {
  const shared = options.stdout.isTerminal && options.stderr.isTerminal;
  /** The key of the lane whose line is open on each screen: another lane must end that line first. */
  const open = new Map<string, string>();
  const screenOf = (stream: StreamName) => (shared ? 'terminal' : stream);

  return {
    decorate(chunk: OutputChunk, lane: Lane, target: Target): string {
      const key = keyOf(chunk);
      const screen = screenOf(chunk.stream);
      lane.prefix = prefixOf(chunk, target, options);
      let out = '';
      for (const segment of textFor(chunk, lane, target).split(/(?<=\n)/)) {
        if (segment === '') continue;
        const colours = lane.filter.sgr();
        if (open.get(screen) !== key) {
          if (open.has(screen)) out += '\n';
          out += lane.prefix + colours;
        }
        const safe = !target.isTerminal && !target.noEscapes ? segment : lane.filter.write(segment);
        const reset = lane.filter.sgr() ? '\x1b[0m' : '';
        if (segment.endsWith('\n')) {
          out += safe.endsWith('\n') ? `${safe.slice(0, -1)}${reset}\n` : `${safe}${reset}\n`;
          open.delete(screen);
        } else {
          out += safe;
          open.set(screen, key);
        }
      }
      return out;
    },
    /** Ends the line of a lane; returns false if it is not open. */
    closeLine(key: string, stream: StreamName): boolean {
      const screen = screenOf(stream);
      return open.get(screen) === key && open.delete(screen);
    },
  };
}

/** One renderer formats all executions and hosts that share a terminal or pipe. */
export function outputRenderer(options: OutputOptions): OutputRenderer {
  const decorator =
    options.timestamps === undefined && options.prefix === undefined ? undefined : lineDecorator(options);
  const lanes = new Map<string, Lane>();

  function laneOf(chunk: OutputChunk, target: Target): Lane {
    const key = keyOf(chunk);
    const lane = lanes.get(key) ?? createLane(target);
    lanes.set(key, lane);
    return lane;
  }

  function text(chunk: OutputChunk): Write[] {
    const target = options[chunk.stream];
    if (options.format === 'raw' || (!target.isTerminal && !decorator && !target.noEscapes)) {
      return [{ to: chunk.stream, data: chunk.encoding === 'base64' ? bytesOf(chunk) : chunk.text }];
    }
    const lane = laneOf(chunk, target);
    const out = decorator
      ? decorator.decorate(chunk, lane, target)
      : lane.filter.write(textFor(chunk, lane, target));
    return [{ to: chunk.stream, data: target.isTerminal ? out : Buffer.from(out, BINARY) }];
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
      const writes: Write[] = [];
      for (const [key, lane] of lanes) {
        const [id, stream] = key.split(' ') as [string, StreamName];
        if (executionId !== undefined && id !== executionId) continue;
        const reset = lane.filter.end();
        if (reset) writes.push({ to: stream, data: reset });
        if (decorator?.closeLine(key, stream)) writes.push({ to: stream, data: '\n' });
        lanes.delete(key);
      }
      return writes;
    },
  };
}
