/**
 * Replaces secrets in output. Works on bytes, one line-bounded chunk at a time: `hold` and `cutBefore` tell the
 * chunker where it may cut so that no secret lies across two chunks.
 */
import { createBudget, type Expression, type Match, TooCostly } from '../../lib/re2.ts';

export const MASK = '********';
const MASK_BYTES = Buffer.from(MASK);

/** A shorter secret would mask half of any output. */
const MIN_SECRET_CHARS = 4;

export interface Mask {
  /** The chunk with every secret replaced; the same object when it holds none. */
  apply(chunk: Buffer): Buffer;
  /** How many bytes at the end may be the beginning of a secret, so must wait for what follows. */
  hold(bytes: Buffer): number;
  /** The nearest place at or before `cut` that is not inside a secret. */
  cutBefore(bytes: Buffer, cut: number): number;
  /** True when an unfinished line must wait for its end, because patterns are matched on whole lines. */
  wholeLines: boolean;
}

/** Base64 of a secret at each of the three alignments it can have inside a longer text, without the mixed end characters. */
function base64Forms(secret: string): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]).toString('base64');
    const start = shift === 0 ? 0 : shift + 1;
    const usable = Math.floor(((Buffer.byteLength(secret) + shift) * 8) / 6);
    return encoded.slice(start, usable);
  });
}

/** The secret as it may show up in output: as is, and in the encodings that programs print values in. */
export function secretForms(secret: string): string[] {
  const lines = secret.split(/\r?\n/).map((line) => line.trim());
  const forms = new Set<string>();
  for (const line of lines) {
    if (line.length < MIN_SECRET_CHARS) continue;
    forms.add(line);
    forms.add(encodeURIComponent(line));
    forms.add(JSON.stringify(line).slice(1, -1));
    forms.add(line.replaceAll("'", "'\\''"));
    for (const form of base64Forms(line)) {
      if (form.length >= 8) forms.add(form);
    }
  }
  return [...forms].filter((form) => form.length >= MIN_SECRET_CHARS);
}

interface Span {
  start: number;
  end: number;
}

function merged(spans: Span[]): Span[] {
  spans.sort((a, b) => a.start - b.start);
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last && span.start <= last.end) last.end = Math.max(last.end, span.end);
    else result.push({ ...span });
  }
  return result;
}

/**
 * @param secrets values to hide, in clear.
 * @param expressions the administrator's; each is matched against one line at a time. A line for which they take too much
 *   time is masked as a whole: what cannot be looked at is not shown.
 */
export function createMask(secrets: readonly string[], expressions: readonly Expression[] = []): Mask {
  const forms = [...new Set(secrets.flatMap(secretForms))].map((form) => Buffer.from(form));
  const longest = forms.reduce((most, form) => Math.max(most, form.length), 0);
  const budget = createBudget();

  function literals(bytes: Buffer): Span[] {
    const spans: Span[] = [];
    for (const form of forms) {
      for (let at = bytes.indexOf(form); at !== -1; at = bytes.indexOf(form, at + 1)) {
        spans.push({ start: at, end: at + form.length });
      }
    }
    return spans;
  }

  function lineSpans(line: string): Span[] {
    const spans: Span[] = [];
    const add = (match: Match) => {
      if (match.end() > match.start()) spans.push({ start: match.start(), end: match.end() });
      return true;
    };
    try {
      for (const expression of expressions) expression.forEachMatch(line, add, budget);
    } catch (error) {
      if (!(error instanceof TooCostly)) throw error;
      return [{ start: 0, end: line.length }];
    }
    return spans;
  }

  function matches(bytes: Buffer): Span[] {
    const spans: Span[] = [];
    if (expressions.length === 0) return spans;
    const text = bytes.toString('latin1');
    let start = 0;
    while (start < text.length) {
      const newline = text.indexOf('\n', start);
      const end = newline === -1 ? text.length : newline;
      const line = text.slice(start, end);
      for (const span of lineSpans(line)) spans.push({ start: start + span.start, end: start + span.end });
      start = end + 1;
    }
    return spans;
  }

  return {
    wholeLines: expressions.length > 0,
    apply(chunk) {
      const spans = merged([...literals(chunk), ...matches(chunk)]);
      if (spans.length === 0) return chunk;
      const parts: Buffer[] = [];
      let from = 0;
      for (const span of spans) {
        parts.push(chunk.subarray(from, span.start), MASK_BYTES);
        from = span.end;
      }
      parts.push(chunk.subarray(from));
      return Buffer.concat(parts);
    },
    hold(bytes) {
      for (let length = Math.min(longest - 1, bytes.length); length > 0; length--) {
        const tail = bytes.subarray(bytes.length - length);
        if (forms.some((form) => form.length > length && form.subarray(0, length).equals(tail)))
          return length;
      }
      return 0;
    },
    cutBefore(bytes, cut) {
      if (forms.length === 0 || cut >= bytes.length) return cut;
      const from = Math.max(0, cut - longest + 1);
      const window = bytes.subarray(from, Math.min(bytes.length, cut + longest - 1));
      const inside = merged(literals(window)).find(
        (span) => from + span.start < cut && cut < from + span.end,
      );
      return inside ? from + inside.start : cut;
    },
  };
}
