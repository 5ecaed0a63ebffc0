/**
 * Brings the lines of one execution to the store: the newest and then live ones over server-sent events, others by range
 * when the view needs them.
 */
import { getJson, query } from '../client/requests.ts';
import {
  type ConnectionState,
  type SseMessage,
  type Subscription,
  subscribe,
} from '../client/subscription.ts';
import { ENDED, type EndRecord, type Execution, type OutputChunk, type OutputLine } from '../types.ts';
import { createLandmarks } from './landmarks.ts';
import type { Marker } from './model/groups.ts';
import type { Line } from './model/line.ts';
import type { LogStore } from './model/store.ts';
import { createRangeLoader, type RangeFilter } from './range-loader.ts';

const TAIL_LINES = 300;
/** Lines loaded before and after the one that the reader asks for. */
const BEFORE = 100;
const AFTER = 150;

interface FeedEvents {
  /** Lines arrived or grew. */
  changed(): void;
  document(execution: Execution): void;
  ended(end: EndRecord): void;
  trimmed(): void;
  state(state: ConnectionState): void;
  failed(error: Error): void;
}

export interface Feed {
  /** @param line the reader asks for this line instead of the end. */
  start(line?: number): void;
  need(seqs: readonly number[], filter: RangeFilter): void;
  markers(): Marker[];
  errors(): number[];
  /** Resolves when groups and errors of the lines that existed at the start are known, or cannot be. */
  known(): Promise<void>;
  hosts(): Set<string>;
  refresh(): Promise<unknown>;
  close(): void;
}

/** Requests the execution; `refresh` ignores an answer that is older than one before it. */
function createDocument(id: string, store: LogStore, events: FeedEvents, closing: AbortSignal) {
  let newest = -1;

  /** Without the texts of its result, which may be megabytes: the list leaves them out. */
  async function load(): Promise<Execution> {
    const [listed] = await getJson<Execution[]>(`/v1/executions${query({ id })}`, closing);
    const single = `/v1/executions/${id}${query({ exclude_attributes: 'result' })}`;
    return listed ?? (await getJson<Execution>(single, closing));
  }

  async function refresh(): Promise<Execution | undefined> {
    try {
      const document = await load();
      const position = document.last_position ?? 0;
      if (position < newest) return document;
      newest = position;
      if (!document.output_expired) store.setLast(document.last_seq ?? 0);
      events.document(document);
      return document;
    } catch (error) {
      if (!closing.aborted) events.failed(error as Error);
      return undefined;
    }
  }

  return {
    refresh,
    /** The stream's end is read from the log; the document may learn of it a little later. */
    async refreshToEnd() {
      for (let waitMs = 100; !closing.aborted; waitMs = Math.min(5000, waitMs * 2)) {
        const document = await refresh();
        if (document && ENDED.has(document.status)) return;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    },
  };
}

/** Follows the output from where `parameters` say, and after a reconnection from the last position. */
function followOutput(
  id: string,
  parameters: Record<string, string | number | undefined>,
  on: { state(state: ConnectionState): void; message(message: SseMessage): void },
): Subscription {
  let lastPosition: number | undefined;
  const from = () => (lastPosition === undefined ? parameters : { after: lastPosition });
  return subscribe({
    url: () => `/v1/executions/${id}/output${query(from())}`,
    onState: on.state,
    onEvent(message) {
      if (/^\d+$/.test(message.id)) lastPosition = Math.max(lastPosition ?? -1, Number(message.id));
      on.message(message);
    },
  });
}

export function createFeed(id: string, store: LogStore, events: FeedEvents): Feed {
  const closing = new AbortController();
  const hosts = new Set<string>();
  const document = createDocument(id, store, events, closing.signal);
  const landmarks = createLandmarks(id, events.changed, closing.signal);
  const noteHost = ({ host }: { host?: string | undefined }) => host && hosts.add(host);
  const loaded = (lines: readonly OutputLine[]) => lines.forEach(noteHost);
  const ranges = createRangeLoader(id, store, { ...events, loaded }, closing.signal);
  let subscription: Subscription | undefined;
  let firstLive = Number.POSITIVE_INFINITY;
  let searching = Promise.resolve();

  function note(line: Line) {
    noteHost(line);
    landmarks.note(line);
  }

  function onOutput(chunk: OutputChunk) {
    if (firstLive === Number.POSITIVE_INFINITY) searching = landmarks.search(chunk.seq - 1);
    firstLive = Math.min(firstLive, chunk.seq);
    store.addChunk(chunk).forEach(note);
    events.changed();
  }

  function onMessage({ event, id: position, data }: SseMessage) {
    if (event === 'output') onOutput(JSON.parse(data) as OutputChunk);
    // the first status has no id and repeats the document that `start` requests
    else if (event === 'status' && position) void document.refresh();
    else if (event === 'trimmed') events.trimmed();
    else if (event === 'end') {
      events.ended(JSON.parse(data) as EndRecord);
      subscription?.close();
      events.state({ kind: 'ended' });
      void document.refreshToEnd();
    }
  }

  const live = { state: events.state, message: onMessage };

  async function startAt(line: number) {
    void ranges.load(Math.max(1, line - BEFORE), line + AFTER);
    const execution = await document.refresh();
    if (!execution || closing.signal.aborted) return;
    const last = execution.last_seq ?? 0;
    searching = landmarks.search(last);
    if (ENDED.has(execution.status)) {
      events.state({ kind: 'ended' });
      return;
    }
    // the last line may be partial: the page must hold its first part before the next one arrives
    if (last > 0) await ranges.load(last, last);
    if (!closing.signal.aborted) subscription = followOutput(id, { after: execution.last_position }, live);
  }

  return {
    start(line) {
      if (line !== undefined) {
        void startAt(line);
        return;
      }
      subscription = followOutput(id, { tail: TAIL_LINES }, live);
      void document.refresh();
    },
    need: ranges.need,
    markers: landmarks.markers,
    errors: landmarks.errors,
    known: () => searching,
    hosts: () => hosts,
    refresh: document.refresh,
    close() {
      closing.abort();
      ranges.close();
      subscription?.close();
    },
  };
}
