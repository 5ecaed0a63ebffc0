/** Makes the events of an execution that printed given pieces, as the write side would record them. */
import type { ExecutionEvent, OutputAppended, StreamName } from '../../events/event.ts';

export interface Piece {
  text: string | Uint8Array;
  stream?: StreamName;
  host?: string;
}

export const AN_ID = '01a20000-0000-7000-8000-000000000001';

export interface Recording {
  requested(): ExecutionEvent;
  scheduled(): ExecutionEvent;
  started(): ExecutionEvent;
  cancelRequested(): ExecutionEvent;
  output(piece: Piece): OutputAppended;
  completed(status?: 'succeeded' | 'failed', note?: string): ExecutionEvent;
  abandoned(): ExecutionEvent;
}

/** Gives events their positions, line numbers and offsets; one call records one event. */
export function recording(executionId = AN_ID, startAt = Date.UTC(2026, 10, 23)): Recording {
  let position = -1;
  let seq = 0;
  const states = new Map<string, { offset: number; open?: number }>();
  const totals = { stdout: { bytes: 0, lines: 0 }, stderr: { bytes: 0, lines: 0 } };
  const base = () => {
    position += 1;
    return { executionId, position, at: startAt + position * 10 };
  };
  return {
    requested: () => ({
      type: 'execution.requested',
      ...base(),
      action: { ref: 'core.local', pack: 'core', name: 'local', runner: 'local-shell-cmd' },
      parameters: { cmd: 'true' },
      user: 'tester',
    }),
    scheduled: () => ({ type: 'execution.scheduled', ...base(), worker: 'w1' }),
    started: () => ({ type: 'execution.started', ...base(), worker: 'w1', hostname: 'here', pid: 1 }),
    cancelRequested: () => ({ type: 'execution.cancel_requested', ...base(), by: 'tester' }),
    output({ text, stream = 'stdout', host }) {
      const data = typeof text === 'string' ? Buffer.from(text) : text;
      const key = `${stream}/${host ?? ''}`;
      const state = states.get(key) ?? { offset: 0 };
      states.set(key, state);
      const breaks = data.reduce((count, byte) => count + (byte === 10 ? 1 : 0), 0);
      const partial = data.at(-1) !== 10;
      const lines = breaks + (partial ? 1 : 0);
      if (state.open !== undefined && lines > 1)
        throw new Error('a piece of a begun line holds that line only');
      const first = state.open ?? seq + 1;
      if (state.open === undefined) totals[stream].lines += lines;
      seq = Math.max(seq, first + lines - 1);
      const event: OutputAppended = {
        type: 'output.appended',
        ...base(),
        stream,
        seq: first,
        lines,
        offset: state.offset,
        bytes: data.length,
        data,
        ...(partial ? { partial: true as const } : {}),
        ...(host === undefined ? {} : { host }),
      };
      totals[stream].bytes += data.length;
      state.offset += data.length;
      if (partial) state.open = first + lines - 1;
      else delete state.open;
      return event;
    },
    completed: (status = 'succeeded', note) => ({
      type: 'execution.completed',
      ...base(),
      status,
      exitCode: status === 'succeeded' ? 0 : 1,
      signal: null,
      elapsedMs: 5,
      ...(note === undefined ? {} : { note }),
      streams: structuredClone(totals),
    }),
    abandoned: () => ({
      type: 'execution.abandoned',
      ...base(),
      reason: 'the worker is gone',
      by: 'w2',
      streams: structuredClone(totals),
    }),
  };
}
