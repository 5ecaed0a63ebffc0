/** Steps through a log: from group to group, and from error to error. */
import type { Feed } from './feed.ts';
import type { Folds } from './model/folds.ts';
import type { Group } from './model/groups.ts';
import type { LineRange } from './model/permalink.ts';
import type { LogView } from './view/log-view.ts';
import type { VisibleRows } from './visible-rows.ts';

interface NavigationDeps {
  feed: Feed;
  folds: Folds;
  rows: VisibleRows;
  view: LogView;
  selection(): LineRange | undefined;
  select(range: LineRange): void;
  reveal(seq: number): void;
}

interface Navigation {
  toggleGroup(group: Group): void;
  /** Toggles the first group in view, or the one around it. */
  toggleGroupHere(): void;
  /** Closes all groups, or opens them when all are closed. */
  toggleAllGroups(): void;
  stepGroup(direction: 1 | -1): void;
  /** Selects the next line that looks like an error, around the end. Returns false when there is none. */
  stepError(direction: 1 | -1): Promise<boolean>;
}

export function createNavigation(deps: NavigationDeps): Navigation {
  const { feed, folds, rows, view } = deps;

  function toggleGroup(group: Group) {
    folds.set(group, !group.closed);
    view.follow(false);
    view.keepPlace(rows.rebuild);
  }

  return {
    toggleGroup,
    toggleGroupHere() {
      const { from, to } = view.visible();
      const group =
        folds.find(({ start }) => start >= from && start <= to) ??
        folds.find(({ start, end }) => start < from && end >= from, true);
      if (group) toggleGroup(group);
    },
    toggleAllGroups() {
      folds.setAll(!folds.allClosed());
      view.keepPlace(rows.rebuild);
    },
    stepGroup(direction) {
      const { from } = view.visible();
      const isRow = ({ start }: Group) => rows.map().has(start);
      const group =
        direction === 1
          ? folds.find((one) => one.start > from + 1 && isRow(one))
          : folds.find((one) => one.start < from && isRow(one), true);
      if (group) view.show(group.start);
    },
    async stepError(direction) {
      await feed.known();
      const errors = feed.errors();
      const current = deps.selection()?.from ?? (direction === 1 ? 0 : Number.POSITIVE_INFINITY);
      const seq =
        direction === 1
          ? (errors.find((error) => error > current) ?? errors[0])
          : (errors.findLast((error) => error < current) ?? errors.at(-1));
      if (seq === undefined) return false;
      deps.select({ from: seq, to: seq });
      deps.reveal(seq);
      return true;
    },
  };
}
