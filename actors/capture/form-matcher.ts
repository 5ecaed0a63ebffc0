/**
 * Finds many forms in one pass. Each form has an anchor: some of its units whose spellings are few and long. The pass
 * looks for all anchors at once (Wu-Manber: two bytes say how far the next anchor is at least), then matches the rest
 * of the form to both sides of an anchor.
 */
import type { Form, Unit } from './secret-forms.ts';

export interface Span {
  start: number;
  /** Exclusive. */
  end: number;
}

interface FormMatcher {
  /** The most bytes that a form may have. */
  longest: number;
  /** In no order; spans may overlap. */
  find(bytes: Buffer): Span[];
  /** The first place at or after `from` where a form begins whose end is not in the bytes yet; else their length. */
  openFrom(bytes: Buffer, from: number): number;
}

const NEWLINE = 0x0a;
/** A longer window would cost memory and gain little. */
const MAX_ANCHOR_BYTES = 12;
const MAX_ANCHORS = 512;
const KEY_BYTES = 4;
const SHIFT_BITS = 13;

interface Anchor {
  bytes: Buffer;
  form: Form;
  /** Units from `first` to before `after` are spelled by the anchor. */
  first: number;
  after: number;
}

/** How many bytes of `wanted` stand at `at`, at most all. */
function commonLength(bytes: Buffer, at: number, wanted: Buffer): number {
  let length = 0;
  while (length < wanted.length && bytes[at + length] === wanted[length]) length++;
  return length;
}

/** @returns where the units may end when they begin at `at`; `open` when the bytes ended first. */
function forward(bytes: Buffer, at: number, form: Form, from: number): { end: number; open: boolean } {
  let ends = [at];
  let open = false;
  for (let index = from; index < form.length; index++) {
    const next: number[] = [];
    for (const end of ends) {
      for (const spelling of (form[index] as Unit).spellings) {
        const length = commonLength(bytes, end, spelling);
        if (length === spelling.length) {
          if (!next.includes(end + length)) next.push(end + length);
        } else if (end + length >= bytes.length) open = true;
      }
    }
    if (next.length === 0) return { end: -1, open };
    ends = next;
  }
  return { end: Math.max(...ends), open };
}

/** @returns the earliest place where the units before `before` may begin when they end at `at`; -1 when nowhere. */
function backward(bytes: Buffer, at: number, form: Form, before: number): number {
  let starts = [at];
  for (let index = before - 1; index >= 0; index--) {
    const next: number[] = [];
    for (const start of starts) {
      for (const spelling of (form[index] as Unit).spellings) {
        const place = start - spelling.length;
        if (place < 0 || commonLength(bytes, place, spelling) < spelling.length) continue;
        if (!next.includes(place)) next.push(place);
      }
    }
    if (next.length === 0) return -1;
    starts = next;
  }
  return Math.min(...starts);
}

/** The units that make the longest anchors, and of these the fewest. */
function anchorRange(form: Form): { first: number; after: number } {
  let best = { first: 0, after: 1, bytes: 0, count: Number.POSITIVE_INFINITY };
  const tried = Math.min(form.length, 256);
  for (let first = 0; first < tried; first++) {
    let bytes = 0;
    let count = 1;
    for (let after = first + 1; after <= form.length && bytes < MAX_ANCHOR_BYTES; after++) {
      const unit = form[after - 1] as Unit;
      count *= unit.spellings.length;
      if (count > MAX_ANCHORS) break;
      bytes = Math.min(MAX_ANCHOR_BYTES, bytes + unit.shortest);
      if (bytes > best.bytes || (bytes === best.bytes && count < best.count))
        best = { first, after, bytes, count };
    }
    if (best.bytes >= MAX_ANCHOR_BYTES && best.count === 1) break;
  }
  return best;
}

function anchorsOf(form: Form): Anchor[] {
  const { first, after } = anchorRange(form);
  let texts = [Buffer.alloc(0)];
  for (const unit of form.slice(first, after))
    texts = texts.flatMap((text) => unit.spellings.map((spelling) => Buffer.concat([text, spelling])));
  return texts.map((bytes) => ({ bytes, form, first, after }));
}

const pairHash = (first: number, second: number) => ((first << 6) ^ second) & ((1 << SHIFT_BITS) - 1);

/** The last bytes of an anchor's window as a number. `end` is exclusive. */
function keyAt(bytes: Buffer, end: number, keyBytes: number): number {
  let key = 0;
  for (let at = end - keyBytes; at < end; at++) key = (key << 8) | (bytes[at] as number);
  return key;
}

/** Tables over the first `window` bytes of every anchor. */
function createTables(anchors: readonly Anchor[]) {
  const window = anchors.reduce((least, { bytes }) => Math.min(least, bytes.length), MAX_ANCHOR_BYTES);
  const keyBytes = Math.min(KEY_BYTES, window);
  const shifts = new Uint8Array(1 << SHIFT_BITS).fill(window - 1);
  const byKey = new Map<number, Anchor[]>();
  const filterBits = Math.ceil(Math.log2(anchors.length * 16 + 64));
  const filter = new Uint8Array(1 << filterBits);
  const slot = (key: number) => Math.imul(key, 0x9e3779b1) >>> (32 - filterBits);
  for (const anchor of anchors) {
    const { bytes } = anchor;
    for (let at = 0; at + 1 < window; at++) {
      const pair = pairHash(bytes[at] as number, bytes[at + 1] as number);
      shifts[pair] = Math.min(shifts[pair] as number, window - 2 - at);
    }
    const key = keyAt(bytes, window, keyBytes);
    filter[slot(key)] = 1;
    const same = byKey.get(key);
    if (same) same.push(anchor);
    else byKey.set(key, [anchor]);
  }
  return { window, keyBytes, shifts, byKey, filter, slot };
}

function byFirstByte(forms: readonly Form[]): Form[][] {
  const table: Form[][] = Array.from({ length: 256 }, () => []);
  for (const form of forms) {
    const firsts = new Set((form[0] as Unit).spellings.map((spelling) => spelling[0] as number));
    for (const byte of firsts) table[byte]?.push(form);
  }
  return table;
}

export function createFormMatcher(forms: readonly Form[]): FormMatcher {
  const { window, keyBytes, shifts, byKey, filter, slot } = createTables(forms.flatMap(anchorsOf));
  const starts = byFirstByte(forms);
  const longest = forms.reduce(
    (most, form) =>
      Math.max(
        most,
        form.reduce((sum, unit) => sum + unit.longest, 0),
      ),
    0,
  );
  const manyLines = forms.some((form) =>
    form.some((unit) => unit.spellings.some((text) => text.includes(NEWLINE))),
  );

  function add(spans: Span[], bytes: Buffer, at: number, key: number): void {
    for (const { bytes: wanted, form, first, after } of byKey.get(key) ?? []) {
      if (commonLength(bytes, at, wanted) < wanted.length) continue;
      const { end } = forward(bytes, at + wanted.length, form, after);
      if (end === -1) continue;
      const start = backward(bytes, at, form, first);
      if (start !== -1) spans.push({ start, end });
    }
  }

  return {
    longest,
    find(bytes) {
      const spans: Span[] = [];
      const last = bytes.length - 2;
      for (let at = window - 2; at <= last; ) {
        const shift = shifts[pairHash(bytes[at] as number, bytes[at + 1] as number)] as number;
        if (shift > 0) {
          at += shift;
          continue;
        }
        const key = keyAt(bytes, at + 2, keyBytes);
        if (filter[slot(key)] === 1) add(spans, bytes, at + 2 - window, key);
        at++;
      }
      return spans;
    },
    openFrom(bytes, from) {
      const line = manyLines ? 0 : bytes.lastIndexOf(NEWLINE) + 1;
      for (let at = Math.max(0, from, line); at < bytes.length; at++) {
        for (const form of starts[bytes[at] as number] as Form[]) {
          if (forward(bytes, at, form, 0).open) return at;
        }
      }
      return bytes.length;
    },
  };
}
