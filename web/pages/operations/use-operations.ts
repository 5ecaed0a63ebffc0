/** The state of the server, requested every two seconds, and its history since the page was opened. */
import { useEffect, useState } from 'preact/hooks';
import { connection } from '../../app/state.ts';
import { getJson } from '../../client/requests.ts';
import type { Operations } from '../../types.ts';
import type { Point } from '../../ui/plot.ts';

const INTERVAL_MS = 2000;
/** Five minutes. */
const KEPT_POINTS = 150;

export interface OperationsState {
  latest: Operations | undefined;
  /** Why the last request failed; empty when it did not. */
  failure: string;
  lag: readonly Point[];
  followers: readonly Point[];
}

/** @param round a new number requests again at once. */
export function useOperations(round: number): OperationsState {
  const [latest, setLatest] = useState<Operations>();
  const [failure, setFailure] = useState('');
  const [lag, setLag] = useState<Point[]>([]);
  const [followers, setFollowers] = useState<Point[]>([]);

  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const add = (value: number) => (old: Point[]) => [...old, { at: Date.now(), value }].slice(-KEPT_POINTS);
    const load = async () => {
      try {
        const found = await getJson<Operations>('/v1/operations', abort.signal);
        setLatest(found);
        setFailure('');
        connection.set({ kind: 'live' });
        if (found.projector) setLag(add(found.projector.behind_ms));
        setFollowers(add(found.followers.followers));
      } catch (error) {
        if (abort.signal.aborted) return;
        const reason = (error as Error).message;
        setFailure(reason);
        connection.set({ kind: 'waiting', reason, retryAt: Date.now() + INTERVAL_MS });
      }
    };
    const repeat = async () => {
      if (!document.hidden) await load();
      if (!abort.signal.aborted) timer = setTimeout(repeat, INTERVAL_MS);
    };
    void repeat();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [round]);
  useEffect(() => () => connection.set(undefined), []);
  return { latest, failure, lag, followers };
}
