/**
 * Output with what may stand inside a secret taken out: colour codes, and the line breaks of wrapped base64 and
 * hexadecimal text.
 */

interface JoinedView {
  bytes: Buffer;
  /** Place of each byte of the view in the original. */
  origin: Uint32Array;
}

const ESCAPE = 0x1b;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;
/** A line break is one of a wrapped encoding when so many characters of an encoding stand before it. */
const MIN_WRAPPED_CHARS = 16;

const ENCODED = new Uint8Array(256);
for (const char of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=')
  ENCODED[char.charCodeAt(0)] = 1;

/** End of the control sequence (`ESC [ … letter`) that begins at `at`, also when the bytes end in it; `at` when none does. */
function controlEnd(bytes: Buffer, at: number): number {
  if (at + 1 === bytes.length) return at + 1;
  if (bytes[at + 1] !== 0x5b) return at;
  for (let end = at + 2; end < bytes.length; end++) {
    const byte = bytes[end] as number;
    if (byte >= 0x40 && byte <= 0x7e) return end + 1;
    if (byte < 0x20 || byte > 0x7e) return at;
  }
  return bytes.length;
}

/** Pairs of start and end. */
function controlSequences(bytes: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(ESCAPE); at !== -1; ) {
    const end = controlEnd(bytes, at);
    if (end > at) found.push(at, end);
    at = bytes.indexOf(ESCAPE, Math.max(end, at + 1));
  }
  return found;
}

/** End of the line break at `at`, as it is or escaped (`\n`, `\r\n`); `at` when none is there. */
function breakEnd(bytes: Buffer, at: number): number {
  let end = at;
  if (bytes[end] === RETURN) end++;
  if (bytes[end] === NEWLINE) return end + 1;
  if (end > at) return end === bytes.length ? end : at;
  while (bytes[end] === BACKSLASH) end++;
  if (end === at) return at;
  if (bytes[end] === 0x72 && bytes[end + 1] === BACKSLASH) {
    end++;
    while (bytes[end] === BACKSLASH) end++;
  }
  return end >= bytes.length ? end : bytes[end] === 0x6e ? end + 1 : at;
}

/**
 * How many characters of an encoding stand at the end of a line, as far as that matters.
 * @param before the same of what stands before the bytes.
 */
export function encodedAtEnd(bytes: Buffer, before: number): number {
  let count = 0;
  while (count < bytes.length && ENCODED[bytes[bytes.length - 1 - count] as number] === 1) {
    count++;
    if (count === MIN_WRAPPED_CHARS) return count;
  }
  return count < bytes.length ? count : Math.min(MIN_WRAPPED_CHARS, count + before);
}

/** Pairs of start and end. Looks at every sixteenth byte or so: only a run of that length matters. */
function wraps(bytes: Buffer, encodedBefore: number): number[] {
  const found: number[] = [];
  let begin = -encodedBefore;
  while (begin + MIN_WRAPPED_CHARS <= bytes.length) {
    let at = begin + MIN_WRAPPED_CHARS - 1;
    const least = Math.max(0, begin);
    while (at >= least && ENCODED[bytes[at] as number] === 1) at--;
    if (at >= least) {
      begin = at + 1;
      continue;
    }
    let end = begin + MIN_WRAPPED_CHARS;
    while (end < bytes.length && ENCODED[bytes[end] as number] === 1) end++;
    const next = breakEnd(bytes, end);
    if (next > end && (next === bytes.length || ENCODED[bytes[next] as number] === 1)) found.push(end, next);
    begin = Math.max(next, end + 1);
  }
  return found;
}

function without(view: JoinedView, pairs: readonly number[]): JoinedView {
  const bytes = Buffer.allocUnsafe(view.bytes.length);
  const origin = new Uint32Array(view.bytes.length);
  let length = 0;
  let from = 0;
  for (let index = 0; index <= pairs.length; index += 2) {
    const to = pairs[index] ?? view.bytes.length;
    bytes.set(view.bytes.subarray(from, to), length);
    origin.set(view.origin.subarray(from, to), length);
    length += to - from;
    from = pairs[index + 1] ?? to;
  }
  return { bytes: bytes.subarray(0, length), origin: origin.subarray(0, length) };
}

/**
 * @param encodedBefore how many characters of an encoding stand before the bytes.
 * @returns the bytes without colour codes, and those without wrapping besides, where that makes a difference.
 */
export function joinedViews(bytes: Buffer, encodedBefore: number): JoinedView[] {
  const views: JoinedView[] = [];
  const identity = () => ({ bytes, origin: Uint32Array.from(bytes.keys()) });
  const controls = controlSequences(bytes);
  if (controls.length > 0) views.push(without(identity(), controls));
  const breaks = wraps(views[0]?.bytes ?? bytes, encodedBefore);
  if (breaks.length > 0) views.push(without(views[0] ?? identity(), breaks));
  return views;
}
