import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ApiFixture, withApi } from '../support/api.ts';
import { runsOnStack } from '../support/engines.ts';
import { allFrames, type Frame, frames, jsonLines } from '../support/sse.ts';
import { until, within } from '../support/within.ts';

const Streams = suite('event streams');

const SSE = { accept: 'text/event-stream' };

/** Collects frames of an endless stream until stopped. */
async function listen({ call }: ApiFixture, path: string, headers: Record<string, string> = {}) {
  const stop = new AbortController();
  const got: Frame[] = [];
  const response = await call(path, { headers: { ...SSE, ...headers }, signal: stop.signal });
  assert.is(response.status, 200);
  const done = (async () => {
    for await (const frame of frames(response)) got.push(frame);
  })().catch(() => {});
  return {
    got,
    async stop() {
      stop.abort();
      await done;
    },
  };
}

Streams("an execution's events are read as JSON, NDJSON and SSE, from a position, by type", () =>
  withApi(async ({ call, json, execution }) => {
    const { id } = await execution([{ text: 'a\n' }, { text: 'b\n' }]);
    const events = await json(`/v1/executions/${id}/events`);
    assert.equal(
      events.map((event: Frame['data']) => [event.position, event.type]),
      [
        [0, 'execution.requested'],
        [1, 'execution.scheduled'],
        [2, 'execution.started'],
        [3, 'output.appended'],
        [4, 'output.appended'],
        [5, 'execution.completed'],
      ],
    );
    assert.is(events[3].text, 'a\n');
    assert.is((await json(`/v1/executions/${id}/events?after=3`)).length, 2);
    assert.equal(await json(`/v1/executions/${id}/events?after=5`), []);
    assert.is((await json(`/v1/executions/${id}/events?type=execution.*`)).length, 4);
    const lines = await jsonLines(
      await call(`/v1/executions/${id}/events`, { headers: { accept: 'application/x-ndjson' } }),
    );
    assert.equal(lines, events);
    const sse = await allFrames(
      await call(`/v1/executions/${id}/events`, { headers: { ...SSE, 'last-event-id': '1' } }),
    );
    assert.equal(sse.map((frame) => [frame.event, frame.id]).slice(0, 2), [
      ['execution.started', '2'],
      ['output.appended', '3'],
    ]);
    assert.is(
      (await call(`/v1/executions/${id}/events`, { headers: { ...SSE, 'last-event-id': '5' } })).status,
      204,
    );
  }),
);

Streams('a replay keeps the time between events, divided by its speed', () =>
  withApi(async ({ call, json, execution }) => {
    const { id } = await execution([{ text: 'a\n' }, { text: 'b\n' }, { text: 'c\n' }]);
    // Recorded 10 ms apart: 6 gaps at a tenth of the speed take 0.6 s.
    const start = performance.now();
    assert.is((await json(`/v1/executions/${id}/events?speed=0.1`)).length, 7);
    const slow = performance.now() - start;
    assert.ok(slow > 550, `took ${slow}`);
    const fast = performance.now();
    await json(`/v1/executions/${id}/events?speed=1000`);
    assert.ok(performance.now() - fast < slow, 'a thousand times the speed is no slower than a tenth');
    for (const speed of ['0', '-1', 'x', '1e9']) {
      assert.is((await call(`/v1/executions/${id}/events?speed=${speed}`)).status, 400, speed);
    }
  }),
);

Streams('the events of a running execution are followed to the end', () =>
  withApi(
    async (api) => {
      const { id, record } = await api.execution([{ text: 'a\n' }], { end: false });
      const reading = api.call(`/v1/executions/${id}/events`, { headers: SSE }).then(allFrames);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await api.log.append([record.output({ text: 'b\n' }), record.completed()]);
      const got = await within(20_000, reading);
      assert.equal(
        got.map((frame) => frame.id),
        ['0', '1', '2', '3', '4', '5'],
      );
    },
    { serve: true },
  ),
);

Streams('the stream of all events filters, and resumes at any event without a gap', () =>
  withApi(
    async (api) => {
      const all = await listen(api, '/v1/stream');
      const outputs = await listen(api, '/v1/stream?type=output.appended');
      const other = await listen(api, '/v1/stream?action=other.action');
      // Each is waited for, so that it ends a batch, after which there is an id to resume at.
      await api.execution([{ text: 'one\n' }]);
      await until(20_000, () => all.got.length === 5);
      await api.post('/v1/executions', { action: 'other.action' });
      await until(20_000, () => all.got.length === 6);
      await api.execution([{ text: 'two\n' }]);
      await until(20_000, () => all.got.length === 11 && outputs.got.length === 2);
      assert.equal(outputs.got.map((frame) => frame.data.text).sort(), ['one\n', 'two\n']);
      await until(20_000, () => other.got.length === 1);
      assert.is(other.got[0]?.event, 'execution.requested');
      await Promise.all([all.stop(), outputs.stop(), other.stop()]);
      assert.ok(
        all.got.some(({ id }) => id),
        'there is an id to resume at',
      );
      // The batches of a log of partitions may end elsewhere.
      if (!runsOnStack()) for (const at of [4, 5, 10]) assert.ok(all.got[at]?.id, `event ${at} has an id`);
      const key = (frame: Frame) => `${frame.data.execution_id}/${frame.data.position}`;
      for (let at = 0; at < all.got.length; at += 1) {
        const id = all.got[at]?.id;
        if (!id) continue;
        const rest = await listen(api, '/v1/stream', { 'last-event-id': id });
        const expected = all.got.slice(at + 1).map(key);
        await until(20_000, () => rest.got.length >= expected.length);
        // A log of partitions has no order between executions.
        const ids = new Set(expected.map((name) => name.split('/')[0]));
        for (const id of ids) {
          const of = (keys: string[]) => keys.filter((name) => name.startsWith(`${id}/`));
          assert.equal(of(rest.got.map(key)), of(expected));
        }
        assert.is(rest.got.length, expected.length);
        await rest.stop();
      }
      const beginning = await listen(api, '/v1/stream?after=beginning&type=execution.completed');
      await until(20_000, () => beginning.got.length === 2);
      await beginning.stop();
    },
    { serve: true, ownEngines: true },
  ),
);

Streams('ids of the stream that are garbage, or from elsewhere, are refused', () =>
  withApi(async ({ call }) => {
    for (const id of [
      'garbage',
      '%%%',
      'MTIzNDU2Nzg5',
      Buffer.from('-5').toString('base64url'),
      'x'.repeat(1000),
    ]) {
      const answer = await call('/v1/stream', { headers: { ...SSE, 'last-event-id': id } });
      assert.is(answer.status, 400, id.slice(0, 20));
      await answer.body?.cancel();
    }
  }),
);

Streams('one execution is followed by `execution`, also as `last`', () =>
  withApi(
    async (api) => {
      const mine = await api.execution([], { end: false });
      const last = await listen(api, '/v1/stream?execution=last');
      await api.execution([{ text: 'not mine\n' }]);
      await api.log.append([mine.record.output({ text: 'mine\n' })]);
      await until(20_000, () => last.got.length === 1);
      assert.is(last.got[0]?.data.text, 'mine\n');
      await last.stop();
    },
    { serve: true },
  ),
);

Streams('a search shows what has just been printed, with highlights and context', () =>
  withApi(async ({ call, json, execution }) => {
    const { id } = await execution([
      { text: 'alpha\nbeta needle\ngamma\n' },
      { text: 'needle err\n', stream: 'stderr' },
    ]);
    const found = await json('/v1/search?q=needle&context=1');
    assert.equal(
      found.hits.map((hit: Frame['data']) => [
        hit.execution_id,
        hit.seq,
        hit.stream,
        hit.text,
        hit.highlights,
      ]),
      [
        [id, 2, 'stdout', 'beta needle', [[5, 11]]],
        [id, 4, 'stderr', 'needle err', [[0, 6]]],
      ],
    );
    assert.is(found.hits[0].before[0].text, 'alpha');
    assert.is((await json('/v1/search?q=needle&stream=stderr')).hits.length, 1);
    assert.is((await json(`/v1/search?q=needle&execution=${id}&limit=1`)).hits.length, 1);
    const facets = await json('/v1/search/facets?q=needle');
    assert.is(facets.total, 2);
    assert.equal(facets.streams, { stdout: 1, stderr: 1 });
    // a whole day apart
    const dayIn = async (tz: string) =>
      Object.keys((await json(`/v1/search/facets?q=needle&tz=${tz}`)).days).at(-1);
    assert.is.not(await dayIn('Pacific/Kiritimati'), await dayIn('-10:00'));
    const refused = await call('/v1/search/facets?q=needle&tz=Middle/Earth');
    assert.is(refused.status, 400);
    assert.match(await refused.text(), 'Parameter \\"tz\\" is neither the name of a time zone');
  }),
);

Streams('a bad query says where it is wrong', () =>
  withApi(async ({ call }) => {
    for (const [q, says] of [
      ['', /empty/],
      ['"open', /closing quote/],
      ['/(?=x)/', /RE2/],
      ['*', /every line/],
      ['x'.repeat(3000), /longer/],
    ] as const) {
      const answer = await call(`/v1/search?q=${encodeURIComponent(q)}`);
      assert.is(answer.status, 400, q);
      assert.match((await answer.json()).detail, says);
    }
    assert.is((await call('/v1/search')).status, 400);
    assert.is((await call('/v1/search?q=x&execution=nope')).status, 404);
  }),
);

Streams('a followed search sends new hits only, each line once', () =>
  withApi(
    async (api) => {
      await api.execution([{ text: 'needle before\n' }]);
      const live = await listen(api, '/v1/search?q=needle&follow=true');
      const { id, record } = await api.execution(
        [{ text: 'a needle\nnothing\nneedle again\n' }, { text: 'nee' }, { text: 'dle in pieces ' }],
        { end: false },
      );
      await api.log.append([record.output({ text: 'more of it\n' })]);
      await until(20_000, () => live.got.length === 3);
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(
        live.got.map((frame) => [frame.event, frame.data.execution_id, frame.data.seq]),
        [
          ['hit', id, 1],
          ['hit', id, 3],
          ['hit', id, 4],
        ],
      );
      await live.stop();
    },
    { serve: true },
  ),
);

Streams('a followed search with a status sends only what is printed while the execution has it', () =>
  withApi(
    async (api) => {
      const before = await api.execution([], { end: false });
      const canceling = await listen(api, '/v1/search?q=needle&follow=true&status=canceling,timeout');
      const all = await listen(api, '/v1/search?q=needle&follow=true&status=running,canceling');
      const { id, record } = await api.execution([{ text: 'needle while it runs\n' }], { end: false });
      await api.log.append([before.record.output({ text: 'needle of an older one\n' })]);
      await api.log.append([
        record.cancelRequested(),
        record.output({ text: 'needle while it ends\n' }),
        before.record.output({ text: 'needle of the older one again\n' }),
      ]);
      await until(20_000, () => all.got.length === 4);
      await until(20_000, () => canceling.got.length > 0);
      assert.equal(
        canceling.got.map(({ data }) => [data.execution_id, data.text]),
        [[id, 'needle while it ends']],
      );
      await all.stop();
      await canceling.stop();
    },
    { serve: true },
  ),
);

Streams('a cursor that is none is refused with what to do, in a search and in a list', () =>
  withApi(async ({ call }) => {
    const forged = Buffer.from('5:somewhere').toString('base64url');
    for (const path of [
      '/v1/search?q=x&cursor=%00%ff',
      '/v1/search?q=x&cursor=garbage',
      `/v1/search?q=x&cursor=${forged}`,
      '/v1/search?q=x&follow=true&cursor=garbage',
      '/v1/executions?cursor=garbage',
      '/v1/executions?cursor=%27%3B--',
    ]) {
      const answer = await call(path);
      assert.is(answer.status, 400, path);
      assert.match((await answer.json()).detail, /cursor.*leave it out/i, path);
    }
  }),
);

Streams('a HEAD of a stream gets its headers and leaves no reader behind', () =>
  withApi(
    async ({ call, json, execution }) => {
      const { id } = await execution([{ text: 'a\n' }], { end: false });
      const paths = ['/v1/stream', '/v1/search?q=a&follow=true', `/v1/executions/${id}/output?tail=1`];
      for (const path of paths) {
        const answer = await within(20_000, call(path, { method: 'HEAD', headers: SSE }), path);
        assert.is(answer.status, 200, path);
        assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/, path);
      }
      const followers = async () => (await json('/v1/operations')).followers;
      const gone = async () => Object.values<number>(await followers()).every((count) => count === 0);
      await until(20_000, gone, `nobody left: ${JSON.stringify(await followers())}`);
    },
    { serve: true },
  ),
);

Streams.run();
