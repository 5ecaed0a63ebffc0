/**
 * The requests that wait, in the order of their ids. Requests with the same labels share a line. If the first of a line cannot
 * be assigned, none of it can, so a long queue costs no more than a short one.
 */
import type { WaitingRequest } from '../../events/fleet/fleet.ts';

type Labels = Record<string, string> | undefined;

export interface RequestQueue {
  add(request: WaitingRequest): void;
  /** True while it waits and has not been taken. */
  waits(executionId: string): boolean;
  /** Takes one out for an event that is to be appended; it is remembered until `remove`. */
  take(executionId: string): void;
  /** The oldest request for whose labels `choose` names a worker, taken out. */
  takeNext(
    choose: (labels: Labels) => string | undefined,
  ): { executionId: string; worker: string } | undefined;
  /** Puts it back into its place when its event could not be appended. @returns false when it was removed meanwhile. */
  putBack(executionId: string): boolean;
  /** The log has its event: it waits no more. */
  remove(executionId: string): void;
  clear(): void;
  /** How many wait and are not taken. */
  readonly size: number;
  /** All, those that are taken included. */
  all(): Iterable<WaitingRequest>;
}

interface Line {
  labels: Labels;
  requests: Map<string, WaitingRequest>;
  /** The highest id that was in it. */
  newest: string;
  inOrder: boolean;
}

export function createRequestQueue(): RequestQueue {
  const lines = new Map<string, Line>();
  const lineOf = new Map<string, Line>();
  const taken = new Map<string, WaitingRequest>();

  function enqueue(request: WaitingRequest): void {
    const key = keyOf(request.labels);
    let line = lines.get(key);
    if (!line) {
      line = { labels: request.labels, requests: new Map(), newest: '', inOrder: true };
      lines.set(key, line);
    }
    if (request.executionId < line.newest) line.inOrder = false;
    else line.newest = request.executionId;
    // The line has the labels; equal ones are kept once.
    if (request.labels) request = { ...request, labels: line.labels as Record<string, string> };
    line.requests.set(request.executionId, request);
    lineOf.set(request.executionId, line);
  }

  function dequeue(executionId: string): WaitingRequest | undefined {
    const line = lineOf.get(executionId);
    const request = line?.requests.get(executionId);
    if (!line || !request) return undefined;
    lineOf.delete(executionId);
    line.requests.delete(executionId);
    if (line.requests.size === 0) lines.delete(keyOf(line.labels));
    return request;
  }

  function take(executionId: string): void {
    const request = dequeue(executionId);
    if (request) taken.set(executionId, request);
  }

  return {
    add(request) {
      if (!lineOf.has(request.executionId) && !taken.has(request.executionId)) enqueue(request);
    },
    waits: (executionId) => lineOf.has(executionId),
    take,
    takeNext(choose) {
      let next: { executionId: string; worker: string } | undefined;
      for (const line of lines.values()) {
        const { executionId } = firstOf(line);
        if (next && executionId > next.executionId) continue;
        const worker = choose(line.labels);
        if (worker !== undefined) next = { executionId, worker };
      }
      if (next) take(next.executionId);
      return next;
    },
    putBack(executionId) {
      const request = taken.get(executionId);
      if (!request) return false;
      taken.delete(executionId);
      enqueue(request);
      return true;
    },
    remove(executionId) {
      dequeue(executionId);
      taken.delete(executionId);
    },
    clear() {
      lines.clear();
      lineOf.clear();
      taken.clear();
    },
    get size() {
      return lineOf.size;
    },
    *all() {
      yield* taken.values();
      for (const { requests } of lines.values()) yield* requests.values();
    },
  };
}

function keyOf(labels: Labels): string {
  return labels ? JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))) : '[]';
}

/** Partitions are read side by side, so requests arrive out of order; they are sorted when one is needed. */
function firstOf(line: Line): WaitingRequest {
  if (!line.inOrder) {
    const sorted = [...line.requests.values()].sort((a, b) => (a.executionId < b.executionId ? -1 : 1));
    line.requests = new Map(sorted.map((request) => [request.executionId, request]));
    line.inOrder = true;
  }
  return line.requests.values().next().value as WaitingRequest;
}
