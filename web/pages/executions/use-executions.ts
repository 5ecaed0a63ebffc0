/** The list of executions that match, loaded in pages and kept up to date. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { query, request } from '../../client/requests.ts';
import { ENDED, type Execution } from '../../types.ts';
import { watchExecutions } from './execution-updates.ts';
import { type ExecutionFilter, mergeExecutions } from './merge-executions.ts';

const PAGE = 60;
const TYPING_MS = 120;

export interface ExecutionList {
  /** Undefined until the first answer. */
  items: readonly Execution[] | undefined;
  total: number;
  failure: string;
  busy: boolean;
  /** @param more adds the next page instead of loading the first one again. */
  load(more: boolean): Promise<void>;
}

export function useExecutions(filter: ExecutionFilter): ExecutionList {
  const [items, setItems] = useState<Execution[]>();
  const [total, setTotal] = useState(0);
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  /** For callbacks of an earlier rendering. */
  const latest = useRef({ filter, items, load });
  latest.current = { filter, items, load };

  async function load(more: boolean) {
    setBusy(true);
    try {
      const offset = more ? (items?.length ?? 0) : 0;
      const { status, text: q } = filter;
      const response = await request(`/v1/executions${query({ limit: PAGE, offset, status, q })}`, {
        headers: { accept: 'application/json' },
      });
      const found = (await response.json()) as Execution[];
      const { filter: now } = latest.current;
      if (now.status !== status || now.text !== q) return;
      setTotal(Number(response.headers.get('x-total-count') ?? found.length));
      setItems((old = []) => {
        if (!more) return found;
        const known = new Set(old.map((item) => item.id));
        return [...old, ...found.filter((item) => !known.has(item.id))];
      });
      setFailure('');
    } catch (error) {
      setFailure((error as Error).message);
    } finally {
      setBusy(false);
    }
  }
  useEffect(() => {
    const timer = setTimeout(() => void load(false), items ? TYPING_MS : 0);
    return () => clearTimeout(timer);
  }, [filter.status, filter.text]);
  useEffect(
    () =>
      watchExecutions({
        changed: (executions) =>
          setItems((old) => {
            if (!old) return old;
            const merged = mergeExecutions(old, executions, latest.current.filter);
            if (merged.added) setTotal((n) => n + merged.added);
            return merged.items;
          }),
        opened: () => void latest.current.load(false),
        running: () =>
          (latest.current.items ?? []).filter(({ status }) => !ENDED.has(status)).map(({ id }) => id),
      }),
    [],
  );
  return { items, total, failure, busy, load };
}
