/**
 * Replaces secrets in output. Works on bytes, one line-bounded chunk at a time: `hold` and `cutBefore` tell the
 * chunker where it may cut so that no secret lies across two chunks.
 */
import { createBudget, type Expression, type Match, TooCostly } from '../../lib/re2.ts';
import { createFormMatcher, type Span } from './form-matcher.ts';
import { encodedAtEnd, joinedViews } from './joined-view.ts';
import { secretForms } from './secret-forms.ts';

export const MASK = '********';
const MASK_BYTES = Buffer.from(MASK);
const NEWLINE = 0x0a;
const ESCAPE = 0x1b;
/** Colour codes can make a secret so many times longer. */
const COLOURED = 24;

/** What was cut off before the bytes that a mask looks at. */
interface CutOff {
  /** So many bytes at the beginning belong to a secret of which a part was cut off. */
  covered: number;
  /** So many characters of an encoding stand at the end of what was cut off. */
  encoded: number;
}

export const NOTHING_CUT_OFF: CutOff = { covered: 0, encoded: 0 };

export interface Mask {
  /** The bytes with every secret replaced; the same object when they hold none. Line breaks inside a secret stay. */
  apply(bytes: Buffer): Buffer;
  /** Masks the bytes before `end`; what follows tells whether a secret begins there. `cutOff` is for the bytes after. */
  applyBefore(bytes: Buffer, end: number, before: CutOff): { data: Buffer; cutOff: CutOff };
  /** How many bytes at the end may be the beginning of a secret, so must wait for what follows. */
  hold(bytes: Buffer, before?: CutOff): number;
  /** The nearest place at or before `cut` that is not inside a secret. */
  cutBefore(bytes: Buffer, cut: number, before?: CutOff): number;
  /** True when an unfinished line must wait for its end, because patterns are matched on whole lines. */
  wholeLines: boolean;
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

/** The bytes with each span replaced, but for the line breaks in it. */
function replaced(bytes: Buffer, spans: readonly Span[]): Buffer {
  if (spans.length === 0) return bytes;
  const parts: Buffer[] = [];
  let from = 0;
  for (const { start, end } of spans) {
    parts.push(bytes.subarray(from, start));
    for (from = start; from < end; ) {
      const newline = bytes.subarray(from, end).indexOf(NEWLINE);
      if (newline !== 0) parts.push(MASK_BYTES);
      if (newline !== -1) parts.push(bytes.subarray(from + newline, from + newline + 1));
      from = newline === -1 ? end : from + newline + 1;
    }
  }
  parts.push(bytes.subarray(from));
  return Buffer.concat(parts);
}

/** What the expressions match in a line; the whole line when that takes too much time. */
function createLineSpans(expressions: readonly Expression[]): (line: string) => Span[] {
  const budget = createBudget();
  return (line) => {
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
  };
}

/** Secrets in all their forms. */
function createLiterals(secrets: readonly string[]) {
  const forms = secretForms(secrets);
  const matcher = createFormMatcher(forms);

  return {
    none: forms.length === 0,
    /** How far a secret at `at` may reach; colour codes and line breaks inside it count. */
    reach(bytes: Buffer, at: number): number {
      const plain = 2 * matcher.longest + 64;
      const coloured = COLOURED * plain;
      return bytes.subarray(Math.max(0, at - coloured), at + coloured).includes(ESCAPE) ? coloured : plain;
    },
    spans(bytes: Buffer, encodedBefore: number): Span[] {
      if (forms.length === 0) return [];
      const spans = matcher.find(bytes);
      for (const view of joinedViews(bytes, encodedBefore)) {
        for (const { start, end } of matcher.find(view.bytes)) {
          spans.push({ start: view.origin[start] as number, end: (view.origin[end - 1] as number) + 1 });
        }
      }
      return spans;
    },
    /** Where a secret begins whose end is not in the bytes yet; their length when none does. */
    open(bytes: Buffer, encodedBefore: number): number {
      let open = matcher.openFrom(bytes, bytes.length - matcher.longest);
      for (const view of joinedViews(bytes, encodedBefore)) {
        const at = matcher.openFrom(view.bytes, view.bytes.length - matcher.longest);
        // The view may end before the bytes do: with a colour code that may stand inside a secret.
        if (at < view.bytes.length) open = Math.min(open, view.origin[at] as number);
      }
      return open;
    },
  };
}

/**
 * @param secrets values to hide, in clear.
 * @param expressions the administrator's; each is matched against one line at a time. A line for which they take too much
 *   time is masked as a whole: what cannot be looked at is not shown.
 */
export function createMask(secrets: readonly string[], expressions: readonly Expression[] = []): Mask {
  const literals = createLiterals(secrets);
  const lineSpans = createLineSpans(expressions);

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
    apply: (bytes) => replaced(bytes, merged([...literals.spans(bytes, 0), ...matches(bytes)])),
    applyBefore(bytes, end, { covered, encoded }) {
      const chunk = bytes.subarray(0, end);
      if (literals.none) return { data: replaced(chunk, merged(matches(chunk))), cutOff: NOTHING_CUT_OFF };
      const context = bytes.subarray(0, end + literals.reach(bytes, end));
      const known = covered > 0 ? [{ start: 0, end: covered }] : [];
      const secret = merged([...known, ...literals.spans(context, encoded)]).filter(
        ({ start }) => start < end,
      );
      const after = Math.max(0, (secret.at(-1)?.end ?? 0) - end);
      const spans = merged([...secret, ...matches(chunk)]);
      const last = spans.at(-1);
      if (last) last.end = Math.min(last.end, end);
      return {
        data: replaced(chunk, spans),
        cutOff: { covered: after, encoded: encodedAtEnd(chunk, encoded) },
      };
    },
    hold(bytes, { encoded } = NOTHING_CUT_OFF) {
      if (literals.none) return 0;
      const from = Math.max(0, bytes.length - literals.reach(bytes, bytes.length));
      const tail = bytes.subarray(from);
      return tail.length - literals.open(tail, from === 0 ? encoded : 0);
    },
    cutBefore(bytes, cut, { encoded } = NOTHING_CUT_OFF) {
      if (literals.none || cut >= bytes.length) return cut;
      const reach = literals.reach(bytes, cut);
      const from = Math.max(0, cut - reach);
      const window = bytes.subarray(from, Math.min(bytes.length, cut + reach));
      const inside = merged(literals.spans(window, from === 0 ? encoded : 0)).find(
        (span) => from + span.start < cut && cut < from + span.end,
      );
      return inside ? from + inside.start : cut;
    },
  };
}
