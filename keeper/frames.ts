/**
 * Frames: what the keeper appends to the spool, in order of arrival. A frame has a head of 16 bytes (payload length u32,
 * kind u8, unused u8, source u16, time f64 in milliseconds since the epoch, all big-endian) and a payload. Frames lie
 * in segments, files named `segment.<n>`; each segment begins with a `base` frame.
 */

export const HEAD_BYTES = 16;

/** What a frame holds. Numbers are on disk: never reuse one. */
export const KIND = {
  /** JSON `number[]`: for each source, how many bytes of it lie in earlier segments. */
  base: 1,
  /** Bytes of a source. */
  data: 2,
  /** JSON `Started`: the wrapper runs. */
  started: 3,
  /** JSON `Exited`: the command has ended. */
  exited: 4,
  /** A source has ended: nobody can write to it any more. */
  eof: 5,
  /** A keeper was killed, and this one goes on: up to one read of each open source may be missing. */
  restarted: 6,
  /** Head JSON `Omitted`, NUL, then the end of the source. Replaces an earlier one of the same source. */
  omitted: 7,
  /** JSON `Terminated`: the keeper ends the command; once more when something could not be ended. */
  terminated: 8,
  /** Every source has ended, and so has the command: nothing follows. */
  end: 9,
} as const;

export type FrameKind = (typeof KIND)[keyof typeof KIND];

export interface Started {
  /** Of the wrapper, which leads the process group and the session. */
  pid: number;
  /** Seconds since the boot of the machine; absent where the system does not say. */
  uptimeS?: number;
}

export interface Exited {
  /** As the shell gives it; absent when the wrapper died without a word. */
  code?: number;
  /** Number of the signal that ended the command, where the wait status said so. */
  signal?: number;
  uptimeS?: number;
}

/** What the output limit left out of a source. */
export interface Omitted {
  bytes: number;
  lines: number;
  /** False when a keeper was killed while it counted. */
  exact: boolean;
}

export type TerminationCause = 'canceled' | 'timeout' | 'output-limit' | 'abandoned';

export interface Terminated {
  cause: TerminationCause;
  /** Processes that could not be ended: pid and command line. */
  left: { pid: number; command: string }[];
}

export interface Frame {
  kind: FrameKind;
  source: number;
  /** Milliseconds since the epoch. */
  at: number;
  /** A view of the buffer that was parsed. */
  payload: Buffer;
}

/** Writes a head into `target`, which has at least `HEAD_BYTES`. */
export function writeHead(
  target: Buffer,
  frame: { kind: FrameKind; source?: number; at: number; length: number },
): void {
  target.writeUInt32BE(frame.length, 0);
  target[4] = frame.kind;
  target[5] = 0;
  target.writeUInt16BE(frame.source ?? 0, 6);
  target.writeDoubleBE(frame.at, 8);
}

/** One whole frame. `value` is written as JSON unless it is bytes. */
export function encodeFrame(kind: FrameKind, value: unknown, at: number, source = 0): Buffer {
  const payload = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  writeHead(frame, { kind, source, at, length: payload.length });
  payload.copy(frame, HEAD_BYTES);
  return frame;
}

/**
 * The frame at `offset`. Undefined when it is not there completely; `torn` then says how many bytes of its payload are,
 * for a keeper can be killed while it writes.
 */
export function parseFrame(
  bytes: Buffer,
  offset: number,
): { frame: Frame; next: number } | { frame?: undefined; torn?: Frame } {
  if (offset + HEAD_BYTES > bytes.length) return {};
  const length = bytes.readUInt32BE(offset);
  const from = offset + HEAD_BYTES;
  const frame: Frame = {
    kind: bytes[offset + 4] as FrameKind,
    source: bytes.readUInt16BE(offset + 6),
    at: bytes.readDoubleBE(offset + 8),
    payload: bytes.subarray(from, Math.min(bytes.length, from + length)),
  };
  return from + length <= bytes.length ? { frame, next: from + length } : { torn: frame };
}

export function jsonOf<T>(frame: Frame): T {
  return JSON.parse(frame.payload.toString('utf8')) as T;
}

/** The two parts of an `omitted` frame. */
export function omittedOf(frame: Frame): { omitted: Omitted; tail: Buffer } {
  const end = frame.payload.indexOf(0);
  return {
    omitted: JSON.parse(frame.payload.subarray(0, end).toString('utf8')) as Omitted,
    tail: frame.payload.subarray(end + 1),
  };
}

export function encodeOmitted(omitted: Omitted, tail: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify(omitted)}\0`), tail]);
}

const SEGMENT = /^segment\.(\d+)$/;

export function segmentName(number: number): string {
  return `segment.${number}`;
}

/** Numbers of the segments among these file names, in order. */
export function segmentNumbers(names: readonly string[]): number[] {
  return names
    .flatMap((name) => SEGMENT.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
