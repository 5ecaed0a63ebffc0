/**
 * `node tools/bench/many.ts [COUNT]`: row L3. List, get and search over HTTP with 100 executions in the store and with COUNT
 * (100,000), one after the other on the same server. Each printed three lines, one of them its own.
 */
import { randomUUIDv7 } from 'node:crypto';
import type { ExecutionEvent } from '../../events/event.ts';
import { type ApiFixture, withApi } from '../../test/support/api.ts';
import { recording } from '../../test/support/output-events.ts';
import { until } from '../../test/support/within.ts';
import { median, percentile, type Row, table } from './report.ts';

const FEW = 100;
const MANY = Number(process.argv[2] ?? 100_000);
const ROUNDS = 30;
const AT_ONCE = 500;

const ids: string[] = [];

async function fill(api: ApiFixture, count: number): Promise<void> {
  while (ids.length < count) {
    const events: ExecutionEvent[] = [];
    for (let n = 0; n < AT_ONCE && ids.length < count; n++) {
      const id = randomUUIDv7();
      const record = recording(id, Date.now());
      const text = `begins\nwidget${ids.length} is made\nends\n`;
      events.push(record.requested(), record.scheduled(), record.started(), record.output({ text }));
      events.push(record.completed(ids.length % 10 === 0 ? 'failed' : 'succeeded'));
      ids.push(id);
    }
    await api.log.append(events);
    if (ids.length % 10_000 === 0) console.error(`${ids.length} executions`);
  }
  await api.projector.caughtUp(await api.log.end());
  await until(600_000, async () => {
    const { storage } = (await api.json('/v1/operations')) as { storage: { unindexed_bytes: number } };
    return storage.unindexed_bytes === 0;
  });
}

/** Times in milliseconds by what was asked; every answer is looked at. */
async function times(api: ApiFixture): Promise<Map<string, number[]>> {
  const one = (round: number) => (round * 7919) % ids.length;
  const asked: [what: string, path: (round: number) => string, fits: (answer: never) => boolean][] = [
    ['list, newest 50', () => '/v1/executions?limit=50', (all: unknown[]) => all.length === 50],
    [
      'list, failed only',
      () => '/v1/executions?limit=10&status=failed',
      (all: unknown[]) => all.length === 10,
    ],
    ['get', (n) => `/v1/executions/${ids[one(n)]}`, ({ id }: { id: string }) => ids.includes(id)],
    [
      'search, one hit',
      (n) => `/v1/search?q=widget${one(n)}`,
      ({ hits }: { hits: unknown[] }) => hits.length === 1,
    ],
    [
      'search, a page of hits',
      () => '/v1/search?q=ends&limit=50',
      ({ hits }: { hits: unknown[] }) => hits.length === 50,
    ],
  ];
  const result = new Map<string, number[]>();
  for (const [what, path, fits] of asked) {
    const took: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const started = performance.now();
      const answer = await api.json(path(round));
      took.push(performance.now() - started);
      if (!fits(answer as never)) throw new Error(`${path(round)}: not what was put in`);
    }
    result.set(what, took);
  }
  return result;
}

await withApi(
  async (api) => {
    await fill(api, FEW);
    const few = await times(api);
    await fill(api, MANY);
    const many = await times(api);
    const rows: Row[] = [...many].map(([what, took]) => ({
      measure: `${what}, ${ids.length.toLocaleString('en-US')} executions`,
      value: median(took),
      unit: 'ms',
      note: `p95 ${percentile(took, 0.95).toFixed(1)} ms`,
      against: { name: `with ${FEW}`, value: median(few.get(what) as number[]) },
    }));
    console.log(table(rows));
  },
  { serve: true, settings: { logLevel: 'warn' } },
);
