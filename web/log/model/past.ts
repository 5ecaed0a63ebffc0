/** The lines of a log as they were at a moment of a replay, when some were partial. The store itself does not change. */
import type { Line } from './line.ts';
import type { LogStore } from './store.ts';

interface Past {
  /** The store, with partial lines where they were partial. */
  store: LogStore;
  /** @param cuts by line, how many characters of its text there were. */
  show(cuts: ReadonlyMap<number, number>): void;
}

/** Versions of partial lines are above those of whole ones, so that the row is drawn again. */
const VERSIONS = 1e9;

export function pastOf(store: LogStore): Past {
  let cuts: ReadonlyMap<number, number> = new Map();
  const made = new Map<number, { whole: Line; line: Line }>();

  function line(seq: number): Line | undefined {
    const whole = store.line(seq);
    const chars = cuts.get(seq);
    if (!whole || chars === undefined || chars >= whole.text.length) return whole;
    const known = made.get(seq);
    const version = VERSIONS + chars;
    if (known && known.whole === whole && known.line.version === version) return known.line;
    const begun: Line = {
      ...whole,
      text: whole.text.slice(0, chars),
      open: true,
      cut: 0,
      version,
      screen: undefined,
      view: undefined,
    };
    made.set(seq, { whole, line: begun });
    return begun;
  }

  return {
    store: { ...store, line },
    show(next) {
      cuts = next;
      for (const seq of made.keys()) if (!next.has(seq)) made.delete(seq);
    },
  };
}
