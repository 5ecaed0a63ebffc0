/**
 * Brings the lines of one execution to the store: the newest and then live ones over server-sent events, any others by
 * range when the view asks. Also collects what is known about lines that are not loaded: groups and error lines.
 */
import { getJson, getLines, query } from '../client/requests.ts';
import { type ConnectionState, type Subscription, subscribe } from '../client/subscription.ts';
import type { EndRecord, Execution, OutputChunk, OutputLine, SearchPage } from '../types.ts';
import { ENDED } from '../types.ts';
import { MARKER_PATTERN, type Marker, markerOf } from './model/groups.ts';
import type { Line, LogStore } from './model/store.ts';

/** Lines that say that something went wrong. */
export const ERROR_PATTERN = '\\b(error|fatal|panic|exception|traceback|failed|failure)\\b';
const ERROR = new RegExp(ERROR_PATTERN, 'i');
const TAIL_LINES = 300;
const MAX_MARKS = 20_000;

export interface FeedEvents {
  /** Lines came or grew. */
  changed(): void;
  document(execution: Execution): void;
  ended(end: EndRecord): void;
  trimmed(): void;
  state(state: ConnectionState): void;
  failed(error: Error): void;
}

export interface Feed {
  /** @param line when given, the reader wants that line and not the end. */
  start(line?: number): void;
  need(seqs: readonly number[], filter: { stream?: string; host?: string }): void;
  markers(): Marker[];
  errors(): number[];
  /** Resolves when groups and errors of what was there at the beginning are known, or cannot be. */
  known(): Promise<void>;
  hosts(): Set<string>;
  refresh(): Promise<unknown>;
  retry(): void;
  close(): void;
}

/** Adds to an ascending list; most of what is added is greater than all. */
export function insertSorted<T>(list: T[], value: T, by: (item: T) => number): boolean {
  let at = list.length;
  while (at > 0 && by(list[at - 1] as T) > by(value)) at -= 1;
  if (at > 0 && by(list[at - 1] as T) === by(value)) return false;
  list.splice(at, 0, value);
  return true;
}

export function createFeed(id: string, store: LogStore, events: FeedEvents): Feed {
  const base = `/v1/executions/${id}`;
  const closing = new AbortController();
  const markers: Marker[] = [];
  const errors: number[] = [];
  const hosts = new Set<string>();
  let subscription: Subscription | undefined;
  let lastPosition = -1;
  let newest = -1;
  let had = false;
  let firstLive = Number.POSITIVE_INFINITY;
  let fetching: { from: number; to: number; abort: AbortController } | undefined;
  let queued: { seqs: readonly number[]; filter: { stream?: string; host?: string } } | undefined;
  let failures = 0;
  let knowing = Promise.resolve();

  function note(line: Line) {
    if (line.host) hosts.add(line.host);
    if (markers.length < MAX_MARKS) {
      const marker = markerOf(line.seq, line.text, line.at);
      if (marker) insertSorted(markers, marker, (item) => item.seq);
    }
    if (
      errors.length < MAX_MARKS &&
      ERROR.test(line.text.length > 4000 ? line.text.slice(0, 4000) : line.text)
    ) {
      insertSorted(errors, line.seq, (item) => item);
    }
  }

  function follow(parameters: Record<string, string | number | undefined>) {
    subscription = subscribe({
      url: () => `${base}/output${query(had ? { after: lastPosition } : parameters)}`,
      onState: events.state,
      onEvent(event) {
        if (event.id && /^\d+$/.test(event.id)) {
          had = true;
          lastPosition = Math.max(lastPosition, Number(event.id));
        }
        if (event.event === 'output') {
          const chunk = JSON.parse(event.data) as OutputChunk;
          if (chunk.seq < firstLive) {
            const before = firstLive;
            firstLive = chunk.seq;
            if (before === Number.POSITIVE_INFINITY) knowing = background(chunk.seq - 1);
          }
          for (const line of store.addChunk(chunk)) note(line);
          events.changed();
        } else if (event.event === 'status') {
          // the first one, without an id, tells what the document says that `start` asks for
          if (event.id) void refresh();
        } else if (event.event === 'trimmed') {
          events.trimmed();
        } else if (event.event === 'end') {
          events.ended(JSON.parse(event.data) as EndRecord);
          subscription?.close();
          events.state({ kind: 'ended' });
          void refreshToEnd();
        }
      },
    });
  }

  /** The execution without its result's texts: the list has it so, a single one may bring megabytes along. */
  async function load(): Promise<Execution> {
    const [listed] = await getJson<Execution[]>(`/v1/executions${query({ id })}`, closing.signal);
    return (
      listed ??
      (await getJson<Execution>(`${base}${query({ exclude_attributes: 'result' })}`, closing.signal))
    );
  }

  async function refresh(): Promise<Execution | undefined> {
    try {
      const document = await load();
      // an answer may come after a later one
      const position = document.last_position ?? 0;
      if (position < newest) return document;
      newest = position;
      if (!document.output_expired) store.setLast(document.last_seq ?? 0);
      events.document(document);
      return document;
    } catch (error) {
      if (!closing.signal.aborted) events.failed(error as Error);
      return undefined;
    }
  }

  /** The end is followed from the log; the document may learn of it a little later. */
  async function refreshToEnd() {
    for (let waitMs = 100; !closing.signal.aborted; waitMs = Math.min(5000, waitMs * 2)) {
      const document = await refresh();
      if (document && ENDED.has(document.status)) return;
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** Groups and errors in lines up to `last`, which the page does not hold. */
  async function background(last: number) {
    if (last < 1) return;
    // the reader's own lines come first
    await new Promise((resolve) => setTimeout(resolve, 400));
    if (closing.signal.aborted) return;
    const collect = async (
      pattern: string,
      take: (seq: number, text: string, at: number) => void,
      pages: number,
    ) => {
      let cursor: string | undefined;
      for (let page = 0; page < pages; page += 1) {
        const found = await getJson<SearchPage>(
          `/v1/search${query({ q: `/${pattern}/i`, execution: id, limit: 500, cursor })}`,
          closing.signal,
        );
        for (const hit of found.hits) take(hit.seq, hit.text, Date.parse(hit.at));
        events.changed();
        cursor = found.cursor;
        if (!cursor) return;
      }
    };
    try {
      await collect(
        MARKER_PATTERN,
        (seq, text, at) => {
          const marker = seq <= last ? markerOf(seq, text, at) : undefined;
          if (marker) insertSorted(markers, marker, (item) => item.seq);
        },
        20,
      );
      await collect(ERROR_PATTERN, (seq) => insertSorted(errors, seq, (item) => item), 8);
    } catch {
      // groups and marks are an extra: without them the log can still be read
    }
  }

  async function fetchRange(from: number, to: number, filter: { stream?: string; host?: string }) {
    const abort = new AbortController();
    fetching = { from, to, abort };
    try {
      const lines = await getLines<OutputLine | { end: EndRecord }>(
        `${base}/output${query({ follow: 'false', from_line: from, to_line: to, ...filter })}`,
        AbortSignal.any([abort.signal, closing.signal]),
      );
      const real = lines.filter((line): line is OutputLine => 'seq' in line && typeof line.seq === 'number');
      store.addLines(real);
      for (const line of real) if (line.host) hosts.add(line.host);
      if (!filter.stream && !filter.host) store.settle(from, Math.min(to, store.last()));
      failures = 0;
    } catch (error) {
      if (abort.signal.aborted || closing.signal.aborted) return;
      failures += 1;
      if (failures === 1) events.failed(error as Error);
      await new Promise((resolve) => setTimeout(resolve, Math.min(8000, 400 * 2 ** failures)));
    } finally {
      if (fetching?.abort === abort) fetching = undefined;
    }
    if (closing.signal.aborted) return;
    events.changed();
    const next = queued;
    queued = undefined;
    if (next) need(next.seqs, next.filter);
  }

  function need(seqs: readonly number[], filter: { stream?: string; host?: string }) {
    const wanted = seqs.filter((seq) => !store.line(seq));
    const [first, last] = [wanted[0], wanted[wanted.length - 1]];
    if (first === undefined || last === undefined) return;
    if (filter.stream || filter.host) {
      if (fetching) queued = { seqs, filter };
      else {
        void fetchRange(first, last, filter).then(() => {
          for (const seq of wanted) if (!store.line(seq)) store.settle(seq, seq);
        });
      }
      return;
    }
    const missing = store.missing(first, last);
    if (!missing) return;
    if (fetching) {
      if (missing.from <= fetching.to && missing.to >= fetching.from) return;
      // the reader went elsewhere: what was asked for is not wanted any more
      fetching.abort.abort();
    }
    void fetchRange(missing.from, missing.to, filter);
  }

  return {
    start(line) {
      if (line === undefined) {
        follow({ tail: TAIL_LINES });
        void refresh();
        return;
      }
      const from = Math.max(1, line - 100);
      void fetchRange(from, line + 150, {});
      void refresh().then(async (document) => {
        if (!document || closing.signal.aborted) return;
        const last = document.last_seq ?? 0;
        knowing = background(last);
        if (ENDED.has(document.status)) {
          events.state({ kind: 'ended' });
          return;
        }
        // the last line may be unfinished: what there is of it must be here before its next piece comes
        if (last > 0) await fetchRange(last, last, {});
        if (!closing.signal.aborted) follow({ after: document.last_position });
      });
    },
    need,
    markers: () => markers,
    errors: () => errors,
    known: () => knowing,
    hosts: () => hosts,
    refresh,
    retry: () => subscription?.retry(),
    close() {
      closing.abort();
      fetching?.abort.abort();
      subscription?.close();
    },
  };
}
