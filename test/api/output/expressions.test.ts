/** What a read key can do to everybody else with an expression. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withApi } from '../../support/api.ts';
import { abText, COSTLY } from '../../support/costly.ts';
import { jsonLines } from '../../support/sse.ts';

const test = suite('expressions of requests');

const ATTACKS = [COSTLY, '(a|b)*a(a|b){200}[^ab]', '(a+)+[^ab]$'];
const REQUESTS = 10;
/** One evaluation has 50. Without a budget it is tens of seconds. */
const TURN_MS = 250;

const pieces = [
  ...Array.from({ length: 8 }, (_, chunk) => ({
    text: Array.from({ length: 60 }, (_, line) => `${abText(1000, chunk * 60 + line + 1)}\n`).join(''),
  })),
  ...Array.from({ length: 4 }, (_, chunk) => ({ text: `${abText(60_000, chunk + 1)}\n` })),
];

/** The most processor time that one turn of the event loop took: how long others wait on a machine of one's own. */
async function longestTurnMs(run: () => Promise<unknown>): Promise<number> {
  let longestMs = 0;
  let last = process.threadCpuUsage();
  let running = true;
  const turn = () => {
    const { user, system } = process.threadCpuUsage(last);
    last = process.threadCpuUsage();
    longestMs = Math.max(longestMs, (user + system) / 1000);
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await run();
  running = false;
  return longestMs;
}

test('a grep that is too large is refused, and says the limit', () =>
  withApi(async ({ call, execution }) => {
    const { id } = await execution([{ text: 'x\n' }]);
    const grep = encodeURIComponent('(a[ab]{0,30}){20}[^ab]');
    for (const path of [`/v1/executions/${id}/output?grep=${grep}`, `/v1/search?q=/${grep}/`]) {
      const answer = await call(path);
      assert.is(answer.status, 400);
      assert.match(await answer.text(), /too large: it may compile to 1000 instructions/);
    }
  }));

test('costly greps at once leave the serving thread to others', () =>
  withApi(
    async ({ call, execution }) => {
      const { id } = await execution(pieces);
      const one = async (at: number) => {
        const grep = encodeURIComponent(ATTACKS[at % ATTACKS.length] as string);
        const answer = await call(`/v1/executions/${id}/output?format=ndjson&grep=${grep}`);
        await answer.text();
      };
      const ms = await longestTurnMs(() => Promise.all(Array.from({ length: REQUESTS }, (_, at) => one(at))));
      assert.ok(ms < TURN_MS, `a turn of the event loop took ${ms} ms`);
    },
    { serve: true },
  ));

test('a grep that runs out of time says so, and never looks complete', () =>
  withApi(
    async ({ call, execution }) => {
      const { id } = await execution(pieces);
      const grep = encodeURIComponent(COSTLY);
      const ndjson = `/v1/executions/${id}/output?format=ndjson&grep=${grep}`;
      const lines = await jsonLines(await call(ndjson));
      const last = lines.at(-1);
      assert.match(last?.error?.detail, /takes too much time/);
      const sse = await (await call(`/v1/executions/${id}/output?format=sse&grep=${grep}`)).text();
      assert.match(sse, /event: error\ndata: .*takes too much time/);
      assert.not.match(sse, /event: end/);
      const raw = await call(`/v1/executions/${id}/output?grep=${grep}`);
      assert.is(await raw.text().catch(() => 'cut'), 'cut');
    },
    { serve: true },
  ));

test('a search that is too costly ends with an error, and soon', () =>
  withApi(async ({ call, execution }) => {
    await execution(pieces);
    const q = encodeURIComponent(`/${COSTLY}/`);
    const answer = await call(`/v1/search?q=${q}`);
    assert.is(answer.status, 400);
    assert.match(await answer.text(), /takes too much time/);
  }));

test.run();
