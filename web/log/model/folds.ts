/** The groups of one log, which of them are closed, and which lines those hide. Grows with the log. Pure. */
import { buildGroups, type Group, type Marker } from './groups.ts';
import { type Run, union } from './rows.ts';

export interface Folds {
  /** Takes all markers known now. Returns whether the hidden lines may have changed. */
  update(markers: readonly Marker[], lastSeq: number): boolean;
  count(): number;
  /** The group whose first line this is. */
  at(seq: number): Group | undefined;
  /** True when the line is in a group, and not its first. */
  inside(seq: number): boolean;
  /** Lines that closed groups hide. */
  hidden(): Run[];
  hides(seq: number): boolean;
  set(group: Group, closed: boolean): void;
  setAll(closed: boolean): void;
  allClosed(): boolean;
  /** Opens the groups that hide a line. Returns whether there were any. */
  reveal(seq: number): boolean;
  find(test: (group: Group) => boolean, fromEnd?: boolean): Group | undefined;
}

export function createFolds(): Folds {
  let groups: Group[] = [];
  let closed: Group[] = [];
  let byLine = new Map<number, Group>();
  let markerCount = -1;
  let known = 0;
  /** What the reader chose, by first line: it outlives a rebuild of the groups. */
  const chosen = new Map<number, boolean>();
  /** What the reader chose for all groups up to a line, including those found later. */
  let all: { closed: boolean; through: number } | undefined;
  const choiceOf = (start: number) =>
    chosen.get(start) ?? (all && start <= all.through ? all.closed : undefined);
  const recount = () => {
    closed = groups.filter((group) => group.closed);
  };

  function set(group: Group, value: boolean) {
    group.closed = value;
    chosen.set(group.start, value);
    recount();
  }

  return {
    update(markers, lastSeq) {
      if (markers.length === markerCount) {
        // a group without an end grows with the log
        for (let i = groups.length - 1; i >= 0 && i >= groups.length - 50; i -= 1) {
          const group = groups[i] as Group;
          if (group.end === known) group.end = lastSeq;
        }
        known = lastSeq;
        return false;
      }
      const had = closed.length;
      groups = buildGroups(markers, lastSeq);
      for (const group of groups) group.closed = choiceOf(group.start) ?? group.closed;
      byLine = new Map(groups.map((group) => [group.start, group]));
      markerCount = markers.length;
      known = lastSeq;
      recount();
      return had > 0 || closed.length > 0;
    },
    count: () => groups.length,
    at: (seq) => byLine.get(seq),
    inside(seq) {
      let [low, high] = [0, groups.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((groups[middle]?.start ?? 0) < seq) low = middle + 1;
        else high = middle;
      }
      for (let i = low - 1; i >= 0; i -= 1) {
        const group = groups[i] as Group;
        if (group.end >= seq) return true;
        if (group.depth === 0) return false;
      }
      return false;
    },
    hidden: () => union(closed.map(({ start, end }) => ({ seq: start + 1, count: end - start }))),
    hides: (seq) => closed.some(({ start, end }) => seq > start && seq <= end),
    set,
    setAll(value) {
      chosen.clear();
      all = { closed: value, through: known };
      for (const group of groups) group.closed = value;
      recount();
    },
    allClosed: () => groups.length > 0 && closed.length === groups.length,
    reveal(seq) {
      const hiding = closed.filter(({ start, end }) => seq > start && seq <= end);
      for (const group of hiding) set(group, false);
      return hiding.length > 0;
    },
    find: (test, fromEnd = false) => (fromEnd ? groups.findLast(test) : groups.find(test)),
  };
}
