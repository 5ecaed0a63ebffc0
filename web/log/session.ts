/**
 * One execution's log as the page works with it: joins the store, the feed, the view, search, groups, filters and replay.
 * Has no markup; components read its state and call what it offers.
 */
import { cell, theme, timestamps, wrapLines } from '../app/state.ts';
import { getJson, query, request } from '../client/requests.ts';
import type { Outline } from '../types.ts';
import { createFeed } from './feed.ts';
import { createFinder, type Finder } from './finder.ts';
import { INITIAL_STATE, type LogState } from './log-state.ts';
import { createFolds } from './model/folds.ts';
import type { Group } from './model/groups.ts';
import { pastOf } from './model/past.ts';
import type { LineRange } from './model/permalink.ts';
import { logStore } from './model/store.ts';
import { createNavigation } from './navigation.ts';
import { createDocumentHandler, createReport, debounce } from './report.ts';
import { visibleText } from './terminal/sgr.ts';
import { createLogView } from './view/log-view.ts';
import { createMinimap } from './view/minimap.ts';
import { createVisibleRows, type Filter } from './visible-rows.ts';

const FIND_AGAIN_MS = 3000;

export type LogSession = ReturnType<typeof createLogSession>;

type Parts = ReturnType<typeof createParts>;

interface SessionEvents {
  /** Lines arrived or grew, or groups were found. */
  changed(): void;
  select(range: LineRange, shift: boolean): void;
  reveal(seq: number): void;
  toggleGroup(group: Group): void;
  showLine(seq: number): void;
}

async function fetchText(id: string, { from, to }: LineRange): Promise<string> {
  const range = query({ follow: 'false', from_line: from, to_line: to });
  const response = await request(`/v1/executions/${id}/output${range}`, {
    headers: { accept: 'text/plain' },
  });
  return response.text();
}

interface SessionElements {
  viewport: HTMLElement;
  minimap: HTMLCanvasElement;
}

/** Creates the parts of a session and connects them. */
function createParts(id: string, elements: SessionElements, on: SessionEvents) {
  const store = logStore();
  const past = pastOf(store);
  const state = cell<LogState>(INITIAL_STATE);
  const set = (next: Partial<LogState>) => state.set({ ...state.get(), ...next });
  const folds = createFolds();
  const rows = createVisibleRows(store, folds, state.get);
  const feed = createFeed(id, store, {
    changed: () => on.changed(),
    document(execution) {
      takeDocument(execution);
      on.changed();
    },
    ended(end) {
      set({ end });
      finder.again();
    },
    trimmed: () => set({ trimmed: true }),
    state: (connection) => set({ connection }),
    failed: (error) => set({ error: error.message }),
  });
  const finder: Finder = createFinder(
    id,
    () => state.get().filter,
    (find, jump) => {
      set({ find });
      const hit = find.hits[find.index];
      view.setCurrentHit(hit?.seq);
      if (hit && jump) on.reveal(hit.seq);
      view.redraw();
      reportSoon(50);
    },
  );
  const view = createLogView(
    elements.viewport,
    {
      store: past.store,
      map: rows.map,
      groupAt: folds.at,
      insideGroup: folds.inside,
      marksOf: (line, segments) => (finder.query() ? finder.rangesOf(line.seq, visibleText(segments)) : []),
      need(seqs) {
        if (!state.get().filtering) feed.need(seqs, state.get().filter);
      },
      moved: () => reportSoon(50),
      select: on.select,
      toggleGroup: on.toggleGroup,
      showLine: on.showLine,
    },
    { wrap: wrapLines.get(), timestamps: timestamps.get(), theme: theme.get(), start: 0, hosts: false },
  );
  const minimap = createMinimap(elements.minimap, (fraction) => {
    const map = rows.map();
    view.show(map.seqAt(Math.floor(fraction * map.count())));
  });
  const report = createReport({ store, feed, folds, rows, view, minimap, state });
  const reportSoon = debounce(report.run);
  const takeDocument = createDocumentHandler(state, view, report);
  return { store, past, state, set, folds, rows, feed, finder, view, minimap, report, reportSoon };
}

/** Passes preferences to the view, and repeats the search of a live log. Returns how to stop. */
function watchPreferences({ view, state, finder, reportSoon }: Parts): () => void {
  const unwatch = [
    wrapLines.watch((wrap) => view.setOptions({ wrap })),
    timestamps.watch((value) => view.setOptions({ timestamps: value })),
    theme.watch((value) => {
      view.setOptions({ theme: value });
      reportSoon(50);
    }),
  ];
  const timer = setInterval(() => {
    if (state.get().connection.kind === 'live') finder.again();
  }, FIND_AGAIN_MS);
  return () => {
    clearInterval(timer);
    for (const stop of unwatch) stop();
  };
}

/** What changes which lines are rows: a filter, and a replay. */
function createScope(id: string, parts: Parts) {
  const { state, set, rows, view, finder, past, report } = parts;

  async function outline(): Promise<Outline> {
    const found = await getJson<Outline>(`/v1/executions/${id}/outline`);
    set({ outline: found, hosts: [...new Set([...state.get().hosts, ...found.hosts])].sort() });
    return found;
  }

  return {
    outline,
    async setFilter(filter: Filter) {
      set({ filter, filtering: true, error: '' });
      try {
        if (filter.stream || filter.host) await outline();
      } catch (error) {
        set({ filter: {}, error: (error as Error).message });
      } finally {
        set({ filtering: false });
      }
      view.keepPlace(rows.rebuild);
      const asked = finder.query();
      if (asked) finder.find(asked, view.visible().from);
      report.run();
    },
    /**
     * Shows the log as it was when it had so many lines; undefined ends the replay.
     * @param cuts lines that were partial then, with how many characters they had.
     */
    replayTo(seq: number | undefined, cuts: ReadonlyMap<number, number> = new Map()) {
      past.show(cuts);
      set({ replayed: seq });
      view.follow(true);
      rows.rebuild();
      view.update();
      report.run();
    },
  };
}

export function createLogSession(id: string, elements: SessionElements) {
  let onSelect: ((range: LineRange, shift: boolean) => void) | undefined;
  let onShowLine: ((seq: number) => void) | undefined;
  /** A line to show once it is known. */
  let pendingSeq: number | undefined;

  const parts = createParts(id, elements, {
    changed() {
      if (folds.update(feed.markers(), store.last())) view.keepPlace(rows.rebuild);
      rows.grow();
      if (pendingSeq !== undefined && pendingSeq <= store.last()) {
        view.show(pendingSeq);
        pendingSeq = undefined;
      }
      view.update();
      reportSoon(100);
    },
    select(range, shift) {
      const old = state.get().selection;
      const next =
        shift && old ? { from: Math.min(old.from, range.from), to: Math.max(old.to, range.to) } : range;
      select(next);
      onSelect?.(next, shift);
    },
    reveal: (seq) => reveal(seq),
    toggleGroup: (group) => navigation.toggleGroup(group),
    showLine: (seq) => onShowLine?.(seq),
  });
  const { store, state, set, folds, rows, feed, finder, view, minimap, report, reportSoon } = parts;
  const navigation = createNavigation({ ...parts, selection: () => state.get().selection, select, reveal });
  elements.viewport.classList.toggle('wrap', wrapLines.get());
  const unwatch = watchPreferences(parts);

  function select(range: LineRange | undefined) {
    set({ selection: range });
    view.setSelection(range);
    report.run();
  }

  /** Shows a line, and opens the groups that hide it. */
  function reveal(seq: number) {
    if (folds.reveal(seq)) rows.rebuild();
    view.show(seq);
    reportSoon(50);
  }

  return {
    id,
    state,
    view,
    finder,
    ...createScope(id, parts),
    ...navigation,
    select,
    reveal,
    /** @param line the line to show; undefined follows the end. */
    start(line?: number) {
      pendingSeq = line;
      if (line !== undefined) view.follow(false);
      feed.start(line);
    },
    refresh: feed.refresh,
    onSelect(listener: (range: LineRange, shift: boolean) => void) {
      onSelect = listener;
    },
    onShowLine(listener: (seq: number) => void) {
      onShowLine = listener;
    },
    /** The text of lines as printed, with escape sequences. */
    textOf: (range: LineRange) => fetchText(id, range),
    destroy() {
      unwatch();
      reportSoon.stop();
      finder.close();
      feed.close();
      view.destroy();
      minimap.destroy();
    },
  };
}
