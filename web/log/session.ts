/**
 * One execution's log as the page works with it: joins the store, the feed, the view, search, groups, filters and replay.
 * Holds no markup; components read its state and call what it offers.
 */

import { type Cell, cell, theme, timestamps, wrapLines } from '../app/state.ts';
import { getJson, query, request } from '../client/requests.ts';
import type { ConnectionState } from '../client/subscription.ts';
import type { EndRecord, Execution, Outline } from '../types.ts';
import { createFeed } from './feed.ts';
import { createFinder, type FindState, NOTHING_FOUND } from './finder.ts';
import { createFolds } from './model/folds.ts';
import type { Group } from './model/groups.ts';
import { pastOf } from './model/past.ts';
import type { LineRange } from './model/permalink.ts';
import { clip, type RowMap, type Run, rowMap, subtract } from './model/rows.ts';
import { logStore } from './model/store.ts';
import { runsOf } from './model/timeline.ts';
import { visibleText } from './terminal/ansi.ts';
import { createLogView } from './view/log-view.ts';
import { createMinimap } from './view/minimap.ts';

export interface Filter {
  stream?: 'stdout' | 'stderr';
  host?: string;
}

export interface LogState {
  execution: Execution | undefined;
  end: EndRecord | undefined;
  connection: ConnectionState;
  lines: number;
  following: boolean;
  /** Lines that came since the reader stopped following. */
  unseen: number;
  visible: LineRange;
  hosts: string[];
  filter: Filter;
  filtering: boolean;
  selection: LineRange | undefined;
  groups: number;
  firstError: number | undefined;
  trimmed: boolean;
  error: string;
  find: FindState;
  outline: Outline | undefined;
  /** The last line that replay has reached; undefined when not replaying. */
  replayed: number | undefined;
}

export type LogSession = ReturnType<typeof createLogSession>;

export function createLogSession(id: string, hosts: { viewport: HTMLElement; minimap: HTMLCanvasElement }) {
  const store = logStore();
  const state: Cell<LogState> = cell<LogState>({
    execution: undefined,
    end: undefined,
    connection: { kind: 'connecting' },
    lines: 0,
    following: true,
    unseen: 0,
    visible: { from: 0, to: 0 },
    hosts: [],
    filter: {},
    filtering: false,
    selection: undefined,
    groups: 0,
    firstError: undefined,
    trimmed: false,
    error: '',
    find: NOTHING_FOUND,
    outline: undefined,
    replayed: undefined,
  });
  const set = (next: Partial<LogState>) => state.set({ ...state.get(), ...next });

  let map: RowMap = rowMap([]);
  let shown = 0;
  const folds = createFolds();
  let wasAt = 0;
  let anchorSeq: number | undefined;
  let statusTimer: ReturnType<typeof setTimeout> | undefined;

  const limit = () => state.get().replayed ?? store.last();

  /** The row map from scratch: what the filter shows, up to where replay is, without what closed groups hide. */
  function rebuild() {
    const { filter, outline } = state.get();
    const last = limit();
    let runs: Run[] = [{ seq: 1, count: last }];
    if (filter.stream || filter.host) {
      runs = outline ? runsOf(outline, filter) : [];
      const known = outline?.last_seq ?? 0;
      for (let seq = known + 1; seq <= last; seq += 1) if (passes(seq)) runs.push({ seq, count: 1 });
      runs = clip(runs, last);
    }
    const hidden = folds.hidden();
    map = rowMap(hidden.length ? subtract(runs, hidden) : runs);
    shown = last;
  }

  function passes(seq: number): boolean {
    const { filter } = state.get();
    const line = store.line(seq);
    if (!line) return false;
    return (!filter.stream || line.stream === filter.stream) && (!filter.host || line.host === filter.host);
  }

  function grow() {
    const refolded = folds.update(feed.markers(), store.last());
    const last = limit();
    if (refolded) view.keepPlace(rebuild);
    if (last < shown) rebuild();
    else if (last > shown) {
      const { filter } = state.get();
      const hiding = folds.hides(last);
      if (hiding) rebuild();
      else if (!filter.stream && !filter.host) map.append(shown + 1, last - shown);
      else for (let seq = shown + 1; seq <= last; seq += 1) if (passes(seq)) map.append(seq, 1);
      shown = last;
    }
    if (anchorSeq !== undefined && anchorSeq <= store.last()) {
      view.show(anchorSeq);
      anchorSeq = undefined;
    }
    view.update();
    statusTimer ??= setTimeout(report, 100);
  }

  /** What components show of it; ten times a second is often enough. */
  function report() {
    statusTimer = undefined;
    const following = view.following();
    const lines = store.last();
    wasAt = following ? lines : Math.max(wasAt, view.visible().to);
    const names = feed.hosts();
    const before = state.get();
    set({
      lines,
      following,
      unseen: following ? 0 : Math.max(0, lines - wasAt),
      visible: view.visible(),
      hosts: names.size === before.hosts.length ? before.hosts : [...names].sort(),
      groups: folds.count(),
      firstError: feed.errors()[0],
    });
    if (names.size > 0 && before.hosts.length === 0) view.setOptions({ hosts: true });
    minimap.draw({
      map,
      errors: feed.errors(),
      hits: state.get().find.hits.map((hit) => hit.seq),
      selection: state.get().selection,
      visible: view.visible(),
    });
  }

  const feed = createFeed(id, store, {
    changed: grow,
    document(execution) {
      const started = execution.log?.find((entry) => entry.status === 'running')?.timestamp;
      const first = state.get().execution === undefined;
      // a reader who came for a line has not missed what was there before
      if (first && !view.following()) wasAt = execution.last_seq ?? 0;
      set({ execution, error: '' });
      if (first || started) {
        const start = Date.parse(started ?? execution.start_timestamp);
        if (start !== startedAt) view.setOptions({ start });
        startedAt = start;
      }
      grow();
    },
    ended(end) {
      set({ end });
      finder.again();
    },
    trimmed: () => set({ trimmed: true }),
    state: (connection) => set({ connection }),
    failed: (error) => set({ error: error.message }),
  });
  let startedAt = 0;

  const finder = createFinder(
    id,
    () => state.get().filter as { stream?: string; host?: string },
    (find, jump) => {
      set({ find });
      const hit = find.hits[find.index];
      view.setCurrentHit(hit?.seq);
      if (hit && jump) reveal(hit.seq);
      view.redraw();
      statusTimer ??= setTimeout(report, 50);
    },
  );

  const past = pastOf(store);
  const view = createLogView(
    hosts.viewport,
    {
      store: past.store,
      map: () => map,
      groupAt: folds.at,
      insideGroup: folds.inside,
      marksOf: (line, segments) => (finder.query() ? finder.rangesOf(line.seq, visibleText(segments)) : []),
      need(seqs) {
        if (state.get().filtering) return;
        feed.need(seqs, state.get().filter as { stream?: string; host?: string });
      },
      moved: () => {
        statusTimer ??= setTimeout(report, 50);
      },
      select(range, shift) {
        const old = state.get().selection;
        const next =
          shift && old ? { from: Math.min(old.from, range.from), to: Math.max(old.to, range.to) } : range;
        select(next);
        onSelect?.(next, shift);
      },
      toggleGroup: (group) => toggleGroup(group),
      showLine: (seq) => onShowLine?.(seq),
    },
    { wrap: wrapLines.get(), timestamps: timestamps.get(), theme: theme.get(), start: 0, hosts: false },
  );
  hosts.viewport.classList.toggle('wrap', wrapLines.get());
  const minimap = createMinimap(hosts.minimap, (fraction) => {
    view.show(map.seqAt(Math.floor(fraction * map.count())));
  });
  const unwatch = [
    wrapLines.watch((wrap) => view.setOptions({ wrap })),
    timestamps.watch((value) => view.setOptions({ timestamps: value })),
    theme.watch((value) => {
      view.setOptions({ theme: value });
      statusTimer ??= setTimeout(report, 50);
    }),
  ];
  let onSelect: ((range: LineRange, shift: boolean) => void) | undefined;
  let onShowLine: ((seq: number) => void) | undefined;
  const searching = setInterval(() => {
    if (state.get().connection.kind === 'live') finder.again();
  }, 3000);

  function select(range: LineRange | undefined) {
    set({ selection: range });
    view.setSelection(range);
    report();
  }

  function toggleGroup(group: Group) {
    folds.set(group, !group.closed);
    view.follow(false);
    view.keepPlace(rebuild);
  }

  /** Shows a line, opening the groups that hide it. */
  function reveal(seq: number) {
    if (folds.reveal(seq)) rebuild();
    view.show(seq);
    statusTimer ??= setTimeout(report, 50);
  }

  async function outline(): Promise<Outline> {
    const found = await getJson<Outline>(`/v1/executions/${id}/outline`);
    set({ outline: found, hosts: [...new Set([...state.get().hosts, ...found.hosts])].sort() });
    return found;
  }

  return {
    id,
    state,
    view,
    finder,
    start(line?: number) {
      anchorSeq = line;
      if (line !== undefined) view.follow(false);
      feed.start(line);
    },
    select,
    reveal,
    refresh: () => feed.refresh(),
    retry: () => feed.retry(),
    onSelect(listener: (range: LineRange, shift: boolean) => void) {
      onSelect = listener;
    },
    onShowLine(listener: (seq: number) => void) {
      onShowLine = listener;
    },
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
      view.keepPlace(rebuild);
      const asked = finder.query();
      if (asked) finder.find(asked, view.visible().from);
      report();
    },
    /** Closes all groups, or opens them when all are closed. */
    toggleAllGroups() {
      folds.setAll(!folds.allClosed());
      view.keepPlace(rebuild);
    },
    stepGroup(direction: 1 | -1) {
      const here = view.visible().from;
      const target =
        direction === 1
          ? folds.find((group) => group.start > here + 1 && map.has(group.start))
          : folds.find((group) => group.start < here && map.has(group.start), true);
      if (target) view.show(target.start);
    },
    toggleGroupHere() {
      const { from, to } = view.visible();
      const target =
        folds.find((group) => group.start >= from && group.start <= to) ??
        folds.find((group) => group.start < from && group.end >= from, true);
      if (target) toggleGroup(target);
    },
    /** False when no line looks like an error. */
    async stepError(direction: 1 | -1): Promise<boolean> {
      await feed.known();
      const errors = feed.errors();
      const current = state.get().selection?.from ?? (direction === 1 ? 0 : Number.POSITIVE_INFINITY);
      const target =
        direction === 1
          ? (errors.find((seq) => seq > current) ?? errors[0])
          : ([...errors].reverse().find((seq) => seq < current) ?? errors[errors.length - 1]);
      if (target === undefined) return false;
      select({ from: target, to: target });
      reveal(target);
      return true;
    },
    /**
     * Shows the log as it was when it had so many lines; undefined ends the replay.
     * @param cuts lines that were not whole then, with how many characters of them there were.
     */
    replayTo(seq: number | undefined, cuts: ReadonlyMap<number, number> = new Map()) {
      past.show(cuts);
      set({ replayed: seq });
      view.follow(true);
      rebuild();
      view.update();
      report();
    },
    /** The text of lines as printed, escape sequences removed. */
    async textOf(range: LineRange): Promise<string> {
      const response = await request(
        `/v1/executions/${id}/output${query({ follow: 'false', from_line: range.from, to_line: range.to })}`,
        { headers: { accept: 'text/plain' } },
      );
      return response.text();
    },
    destroy() {
      clearInterval(searching);
      clearTimeout(statusTimer);
      for (const stop of unwatch) stop();
      finder.close();
      feed.close();
      view.destroy();
      minimap.destroy();
    },
  };
}
