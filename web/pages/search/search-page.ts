/** Search over the output of all executions: hits with context, counts by action, status, stream and time, live mode. */
import { h } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { here, navigate } from '../../app/router.ts';
import { useShortcuts } from '../../app/shortcuts.ts';
import { connection, useCell } from '../../app/state.ts';
import { getJson, query } from '../../client/requests.ts';
import { type Subscription, subscribe } from '../../client/subscription.ts';
import { clock, dateTime, dayRange, plural, timeZone } from '../../lib/format.ts';
import type { Execution, SearchPage as Page, SearchFacets, SearchHit, Status } from '../../types.ts';
import { Button, EmptyState, icon, StatusMark } from '../../ui/parts.ts';
import { Plot } from '../../ui/plot.ts';
import { Facet, grouped, HitGroup } from './hits.ts';

const SPANS: readonly [value: string, label: string][] = [
  ['', 'Any time'],
  ['15m', 'Last 15 minutes'],
  ['1h', 'Last hour'],
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
];
const MAX_LIVE = 500;
const EXECUTIONS_AT_ONCE = 50;

interface Asked {
  q: string;
  action: string;
  status: string;
  stream: string;
  since: string;
  until: string;
}

function askedOf(search: URLSearchParams): Asked {
  const get = (name: string) => search.get(name) ?? '';
  return {
    q: get('q'),
    action: get('action'),
    status: get('status'),
    stream: get('stream'),
    since: get('since'),
    until: get('until'),
  };
}

/** The executions that hits are in, asked for as hits come, many at once. */
function useExecutions(hits: readonly SearchHit[]): ReadonlyMap<string, Execution> {
  const [known, setKnown] = useState<ReadonlyMap<string, Execution>>(new Map());
  const asked = useRef(new Set<string>());
  useEffect(() => {
    const ids = [...new Set(hits.map((hit) => hit.execution_id))].filter((id) => !asked.current.has(id));
    const some = ids.slice(0, EXECUTIONS_AT_ONCE);
    if (!some.length) return;
    for (const id of some) asked.current.add(id);
    getJson<Execution[]>(`/v1/executions${query({ id: some.join(','), limit: EXECUTIONS_AT_ONCE })}`).then(
      (found) => setKnown((old) => new Map([...old, ...found.map((item) => [item.id, item] as const)])),
      // the hits themselves say enough to go on
      () => {},
    );
  }, [hits, known]);
  return known;
}

/** The times that a day of the reader has, as the address holds them; none for no day. */
function rangeOf(day: string): { since: string; until: string } {
  if (!day) return { since: '', until: '' };
  const { from, to } = dayRange(day);
  return { since: new Date(from).toISOString(), until: new Date(to).toISOString() };
}

/** The day that is asked for, if it is exactly one. */
function dayOf({ since, until }: Asked): string {
  const at = Date.parse(since);
  if (Number.isNaN(at)) return '';
  const day = dateTime(at).slice(0, 10);
  const range = rangeOf(day);
  return range.since === since && range.until === until ? day : '';
}

export function SearchPage() {
  const location = useCell(here);
  const asked = askedOf(location.search);
  const live = location.search.get('live') === '1';
  const key = JSON.stringify(asked);
  const [text, setText] = useState(asked.q);
  const [hits, setHits] = useState<SearchHit[]>([]);
  const [cursor, setCursor] = useState<string>();
  const [facets, setFacets] = useState<SearchFacets>();
  const [took, setTook] = useState<number>();
  const [failure, setFailure] = useState('');
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    document.title = asked.q ? `${asked.q} · Search · Linefeed` : 'Search · Linefeed';
    setText(asked.q);
  }, [asked.q]);
  useLayoutEffect(() => {
    if (!asked.q) field.current?.focus();
  }, []);

  useEffect(() => {
    setFailure('');
    setFacets(undefined);
    setHits([]);
    setCursor(undefined);
    if (!asked.q) return undefined;
    const abort = new AbortController();
    setBusy(true);
    getJson<Page>(`/v1/search${query({ ...asked, limit: 100, context: 2 })}`, abort.signal)
      .then(
        (page) => {
          setHits(page.hits);
          setCursor(page.cursor);
          setTook(page.took_ms);
        },
        (error: Error) => !abort.signal.aborted && setFailure(error.message),
      )
      .finally(() => !abort.signal.aborted && setBusy(false));
    getJson<SearchFacets>(`/v1/search/facets${query({ ...asked, tz: timeZone() })}`, abort.signal).then(
      setFacets,
      () => {},
    );
    return () => abort.abort();
  }, [key]);

  useEffect(() => {
    if (!live || !asked.q) return undefined;
    const subscription: Subscription = subscribe({
      url: () => `/v1/search${query({ ...asked, since: '', until: '', follow: true })}`,
      onState: (state) => connection.set(state),
      onEvent(event) {
        if (event.event !== 'hit') return;
        const hit = JSON.parse(event.data) as SearchHit;
        setHits((old) => {
          if (old.some((known) => known.execution_id === hit.execution_id && known.seq === hit.seq))
            return old;
          // newest executions first, lines of one execution in their order
          const at = old.findIndex((known) => known.execution_id === hit.execution_id);
          if (at < 0) return [hit, ...old].slice(0, MAX_LIVE);
          let end = at;
          while (old[end]?.execution_id === hit.execution_id) end += 1;
          return [...old.slice(0, end), hit, ...old.slice(end)].slice(-MAX_LIVE);
        });
      },
    });
    return () => {
      subscription.close();
      connection.set(undefined);
    };
  }, [live, key]);

  function change(next: Partial<Asked> & { live?: boolean }, replace = false) {
    const { live: wantsLive = live, ...values } = next;
    const parameters = { ...asked, ...values, ...(wantsLive ? { live: '1' } : {}) };
    navigate(`/search${query(parameters)}`, replace);
  }
  async function more() {
    if (!cursor) return;
    setBusy(true);
    try {
      const page = await getJson<Page>(`/v1/search${query({ ...asked, limit: 100, context: 2, cursor })}`);
      setHits((old) => [...old, ...page.hits]);
      setCursor(page.cursor);
    } catch (error) {
      setFailure((error as Error).message);
    } finally {
      setBusy(false);
    }
  }
  useShortcuts('Search', [
    { keys: ['/'], label: 'Search', run: () => field.current?.select() },
    { keys: ['l'], label: 'Live', run: () => change({ live: !live }, true) },
  ]);

  const executions = useExecutions(hits);
  const narrowed = Boolean(asked.action || asked.status || asked.stream || asked.since || asked.until);
  const total = facets ? `${plural(facets.total, 'line')}${facets.complete ? '' : ' or more'}` : '';
  return h(
    'div',
    { class: 'page search-page' },
    h('div', { class: 'page-head' }, h('h1', null, 'Search')),
    h(
      'form',
      {
        class: 'filters',
        role: 'search',
        onSubmit: (event: Event) => {
          event.preventDefault();
          change({ q: text.trim() });
        },
      },
      h(
        'div',
        { class: 'search-field' },
        icon('search'),
        h('input', {
          ref: field,
          type: 'search',
          'aria-label': 'Search all output',
          placeholder: 'error -retry "connection refused" /time(d)? ?out/i',
          spellcheck: false,
          value: text,
          onInput: (event: Event) => setText((event.target as HTMLInputElement).value),
        }),
      ),
      h(
        'select',
        {
          'aria-label': 'Time',
          value: SPANS.some(([value]) => value === asked.since) ? asked.since : 'custom',
          onChange: (event: Event) => change({ since: (event.target as HTMLSelectElement).value, until: '' }),
        },
        SPANS.map(([value, label]) => h('option', { key: value, value }, label)),
        SPANS.some(([value]) => value === asked.since)
          ? null
          : h('option', { value: 'custom' }, dayOf(asked) || 'Selected in the plot'),
      ),
      h(Button, { label: 'Search', icon: 'search', tone: 'primary', type: 'submit' }),
      h(Button, {
        label: 'Live',
        icon: live ? 'pause' : 'play',
        pressed: live,
        title: 'Show new hits as they are printed (l)',
        onClick: () => change({ live: !live }, true),
      }),
    ),
    failure
      ? h(EmptyState, { title: 'This search did not work', tone: 'error' }, h('p', null, failure))
      : null,
    !asked.q
      ? h(
          EmptyState,
          { title: 'Find lines in everything that was printed' },
          h(
            'dl',
            { class: 'syntax' },
            [
              ['timeout', 'a word, in any case'],
              ['time*', 'words that begin with it; *part* finds it anywhere'],
              ['"connection refused"', 'these words together'],
              ['-retry', 'without lines that have it'],
              ['/E[0-9]{4}/i', 'a regular expression (RE2)'],
            ].map(([example = '', meaning = '']) =>
              h(
                'div',
                { key: example },
                h(
                  'dt',
                  null,
                  h('button', { type: 'button', onClick: () => setText(example) }, h('code', null, example)),
                ),
                h('dd', null, meaning),
              ),
            ),
          ),
        )
      : null,
    asked.q && !failure
      ? h(
          'div',
          { class: 'results' },
          h(
            'aside',
            { class: 'facets', 'aria-label': 'Counts' },
            facets
              ? [
                  h(Facet, {
                    title: 'Action',
                    counts: facets.actions,
                    chosen: asked.action,
                    onChoose: (action) => change({ action }),
                  }),
                  h(Facet, {
                    title: 'Status',
                    counts: facets.statuses,
                    chosen: asked.status,
                    onChoose: (status) => change({ status }),
                    show: (status) => h(StatusMark, { status: status as Status }),
                  }),
                  h(Facet, {
                    title: 'Stream',
                    counts: facets.streams,
                    chosen: asked.stream,
                    onChoose: (stream) => change({ stream }),
                  }),
                  h(Facet, {
                    title: 'Day',
                    counts: facets.days,
                    order: 'name',
                    chosen: dayOf(asked),
                    onChoose: (day) => change(rangeOf(day)),
                  }),
                ]
              : null,
          ),
          h(
            'div',
            { class: 'hits' },
            h(
              'p',
              { class: 'summary', role: 'status' },
              busy && !hits.length ? 'Searching' : total || (hits.length ? plural(hits.length, 'line') : ''),
              took !== undefined && hits.length
                ? h('span', { class: 'quiet' }, ` in ${Math.round(took)} ms`)
                : null,
              narrowed
                ? h(Button, {
                    label: 'Clear filters',
                    onClick: () => change({ action: '', status: '', stream: '', since: '', until: '' }),
                  })
                : null,
            ),
            facets?.histogram.length
              ? h(Plot, {
                  kind: 'bars',
                  label: 'Matching lines over time',
                  points: facets.histogram.map(({ at, count }) => ({
                    at: typeof at === 'number' ? at : Date.parse(at),
                    value: count,
                  })),
                  format: (value) => plural(value, 'line'),
                  time: (at) =>
                    facets.bucket_ms >= 3_600_000
                      ? dateTime(at).slice(5, 16)
                      : clock(at, facets.bucket_ms < 1000),
                  bucketMs: facets.bucket_ms,
                  onSelect: (from, to) =>
                    change({ since: new Date(from).toISOString(), until: new Date(to - 1).toISOString() }),
                })
              : null,
            !busy && !hits.length
              ? h(
                  EmptyState,
                  { title: live ? 'Nothing yet' : 'No line matches' },
                  h(
                    'p',
                    null,
                    live
                      ? 'New matches appear here as they are printed.'
                      : 'A word finds that whole word. Try part of it with stars, like *part*.',
                  ),
                )
              : null,
            grouped(hits).map((group) =>
              h(HitGroup, {
                key: `${group[0]?.execution_id}/${group[0]?.seq}`,
                hits: group,
                execution: executions.get(group[0]?.execution_id ?? ''),
              }),
            ),
            cursor
              ? h(
                  'p',
                  { class: 'more' },
                  h(Button, {
                    label: busy ? 'Loading' : 'Show more',
                    disabled: busy,
                    onClick: () => void more(),
                  }),
                )
              : null,
          ),
        )
      : null,
  );
}
