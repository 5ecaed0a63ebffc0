/** Copies what components show from the parts of a log into its state. */
import type { Cell } from '../app/state.ts';
import type { Execution } from '../types.ts';
import type { Feed } from './feed.ts';
import type { LogState } from './log-state.ts';
import type { Folds } from './model/folds.ts';
import type { LogView } from './view/log-view.ts';
import type { Minimap } from './view/minimap.ts';
import type { VisibleRows } from './visible-rows.ts';

/** @returns a function that runs `body` `ms` after the first of several calls. */
export function debounce(body: () => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const soon = (ms: number) => {
    timer ??= setTimeout(() => {
      timer = undefined;
      body();
    }, ms);
  };
  return Object.assign(soon, { stop: () => clearTimeout(timer) });
}

interface Reported {
  store: { last(): number };
  feed: Feed;
  folds: Folds;
  rows: VisibleRows;
  view: LogView;
  minimap: Minimap;
  state: Cell<LogState>;
}

/** @returns `run`, which updates the state and the minimap. */
export function createReport({ store, feed, folds, rows, view, minimap, state }: Reported) {
  let seen = 0;
  return {
    /** The reader has not missed lines up to this one. */
    setSeen(line: number) {
      seen = line;
    },
    run() {
      const following = view.following();
      const lines = store.last();
      seen = following ? lines : Math.max(seen, view.visible().to);
      const hosts = feed.hosts();
      const before = state.get();
      const next = {
        ...before,
        lines,
        following,
        unseen: following ? 0 : Math.max(0, lines - seen),
        visible: view.visible(),
        hosts: hosts.size === before.hosts.length ? before.hosts : [...hosts].sort(),
        groups: folds.count(),
        firstError: feed.errors()[0],
      };
      state.set(next);
      if (hosts.size > 0 && before.hosts.length === 0) view.setOptions({ hosts: true });
      minimap.draw({
        map: rows.map(),
        errors: feed.errors(),
        hits: next.find.hits.map((hit) => hit.seq),
        selection: next.selection,
        visible: next.visible,
      });
    },
  };
}

type Report = ReturnType<typeof createReport>;

/** Takes a new document of the execution into the state and the view. */
export function createDocumentHandler(state: Cell<LogState>, view: LogView, report: Report) {
  let start = 0;
  return (execution: Execution) => {
    const isFirst = state.get().execution === undefined;
    // a reader who asks for a line has not missed the lines that existed before
    if (isFirst && !view.following()) report.setSeen(execution.last_seq ?? 0);
    state.set({ ...state.get(), execution, error: '' });
    const running = execution.log?.find((entry) => entry.status === 'running')?.timestamp;
    if (!isFirst && !running) return;
    const next = Date.parse(running ?? execution.start_timestamp);
    if (next !== start) view.setOptions({ start: next });
    start = next;
  };
}
