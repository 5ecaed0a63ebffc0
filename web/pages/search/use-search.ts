/** The hits and counts of a search, with new hits while it is live. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { connection } from '../../app/state.ts';
import { getJson, query } from '../../client/requests.ts';
import { subscribe } from '../../client/subscription.ts';
import { timeZone } from '../../lib/format.ts';
import type { Execution, SearchFacets, SearchHit, SearchPage } from '../../types.ts';
import { insertHit } from './hit-order.ts';
import type { SearchFilters } from './search-filters.ts';

const PAGE_HITS = 100;
const CONTEXT_LINES = 2;
const EXECUTIONS_AT_ONCE = 50;

export interface SearchState {
  hits: readonly SearchHit[];
  facets: SearchFacets | undefined;
  tookMs: number | undefined;
  failure: string;
  busy: boolean;
  hasMore: boolean;
  /** Loads the next page of hits. */
  more(): Promise<void>;
}

/** Subscribes to new hits while `live`. */
function useLiveHits(filters: SearchFilters, live: boolean, onHit: (hit: SearchHit) => void) {
  useEffect(() => {
    if (!live || !filters.q) return undefined;
    const subscription = subscribe({
      url: () => `/v1/search${query({ ...filters, since: '', until: '', follow: true })}`,
      onState: (state) => connection.set(state),
      onEvent({ event, data }) {
        if (event === 'hit') onHit(JSON.parse(data) as SearchHit);
      },
    });
    return () => {
      subscription.close();
      connection.set(undefined);
    };
  }, [live, JSON.stringify(filters)]);
}

export function useSearch(filters: SearchFilters, live: boolean): SearchState {
  const [hits, setHits] = useState<SearchHit[]>([]);
  const [cursor, setCursor] = useState<string>();
  const [facets, setFacets] = useState<SearchFacets>();
  const [tookMs, setTookMs] = useState<number>();
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const pageQuery = { ...filters, limit: PAGE_HITS, context: CONTEXT_LINES };

  useEffect(() => {
    setFailure('');
    setFacets(undefined);
    setHits([]);
    setCursor(undefined);
    if (!filters.q) return undefined;
    const abort = new AbortController();
    setBusy(true);
    getJson<SearchPage>(`/v1/search${query(pageQuery)}`, abort.signal)
      .then(
        (page) => {
          setHits(page.hits);
          setCursor(page.cursor);
          setTookMs(page.took_ms);
        },
        (error: Error) => !abort.signal.aborted && setFailure(error.message),
      )
      .finally(() => !abort.signal.aborted && setBusy(false));
    const facetQuery = query({ ...filters, tz: timeZone() });
    getJson<SearchFacets>(`/v1/search/facets${facetQuery}`, abort.signal).then(setFacets, () => {});
    return () => abort.abort();
  }, [JSON.stringify(filters)]);
  useLiveHits(filters, live, (hit) => setHits((old) => insertHit(old, hit)));

  async function more() {
    if (!cursor) return;
    setBusy(true);
    try {
      const page = await getJson<SearchPage>(`/v1/search${query({ ...pageQuery, cursor })}`);
      setHits((old) => [...old, ...page.hits]);
      setCursor(page.cursor);
    } catch (error) {
      setFailure((error as Error).message);
    } finally {
      setBusy(false);
    }
  }
  return { hits, facets, tookMs, failure, busy, hasMore: cursor !== undefined, more };
}

/** The executions of the hits by id, requested many at once as hits arrive. */
export function useHitExecutions(hits: readonly SearchHit[]): ReadonlyMap<string, Execution> {
  const [known, setKnown] = useState<ReadonlyMap<string, Execution>>(new Map());
  const requested = useRef(new Set<string>());
  useEffect(() => {
    const ids = [...new Set(hits.map((hit) => hit.execution_id))].filter((id) => !requested.current.has(id));
    const some = ids.slice(0, EXECUTIONS_AT_ONCE);
    if (!some.length) return;
    for (const id of some) requested.current.add(id);
    getJson<Execution[]>(`/v1/executions${query({ id: some.join(','), limit: EXECUTIONS_AT_ONCE })}`).then(
      (found) => setKnown((old) => new Map([...old, ...found.map((item) => [item.id, item] as const)])),
      // the hits can be read without them
      () => {},
    );
  }, [hits, known]);
  return known;
}
