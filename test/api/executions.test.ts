import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withApi } from '../support/api.ts';
import type { Json } from '../support/sse.ts';
import { until, within } from '../support/within.ts';

const Executions = suite('execution routes');

const RUN = { action: 'core.local', parameters: { cmd: 'true' } };

Executions('a request answers 201 with the execution, and it can be read at once', () =>
  withApi(async ({ post, json, requests }) => {
    const answer = await post('/v1/executions', {
      ...RUN,
      user: null,
      context: { trace_context: { trace_tag: 't' } },
    });
    assert.is(answer.status, 201);
    const made = await answer.json();
    assert.is(made.status, 'requested');
    assert.is(made.action.ref, 'core.local');
    assert.is(made.action.runner_type, 'local-shell-cmd');
    assert.equal(made.parameters, { cmd: 'true' });
    assert.equal(
      made.log.map((entry: Json) => entry.status),
      ['requested'],
    );
    assert.is(made.context.trace_context.trace_tag, 't');
    assert.ok(requests[0]?.user);
    for (const id of [made.id, 'last', made.id.slice(0, -4), made.id.toUpperCase()]) {
      assert.is((await json(`/v1/executions/${id}`)).id, made.id, id);
    }
    assert.is((await json('/v1/executions'))[0].id, made.id);
  }),
);

Executions('the note of an end is in the execution, in the list and in the end of its output', () =>
  withApi(async ({ execution, log, json, call }) => {
    const note = 'Background processes were left running';
    const { id, record } = await execution([{ text: 'x\n' }], { end: false });
    await log.append([record.completed('succeeded', note)]);
    assert.is((await json(`/v1/executions/${id}`)).result.note, note);
    const [listed] = (await json('/v1/executions')) as Json[];
    assert.equal([listed?.id, listed?.result.note], [id, note]);
    for (const accept of ['application/x-ndjson', 'text/event-stream']) {
      const text = await (await call(`/v1/executions/${id}/output`, { headers: { accept } })).text();
      assert.ok(text.includes(`"note":"${note}"`), `${accept}: ${text}`);
    }
  }),
);

Executions('paths work with and without a slash at the end, and under the names of StackStorm', () =>
  withApi(async ({ call, execution }) => {
    const { id } = await execution([{ text: 'x\n' }]);
    for (const path of [
      '/v1/executions/',
      `/v1/executions/${id}/`,
      '/api/v1/executions',
      `/api/v1/executions/${id}/output`,
      '/v1/actionexecutions/?limit=1',
    ]) {
      assert.is((await call(path)).status, 200, path);
    }
  }),
);

Executions(
  'the same Idempotency-Key gives the same execution, another body a conflict, also after a restart of the API',
  () =>
    withApi(
      async ({ post, requests, json, keys, log, projector }) => {
        const key = { 'idempotency-key': 'abc' };
        const answers = await Promise.all(Array.from({ length: 5 }, () => post('/v1/executions', RUN, key)));
        const ids = new Set(await Promise.all(answers.map(async (answer) => (await answer.json()).id)));
        assert.is(ids.size, 1);
        assert.is(requests.length, 1);
        assert.equal(
          answers.map((answer) => answer.status),
          [201, 201, 201, 201, 201],
        );
        const conflict = await post('/v1/executions', { ...RUN, parameters: { cmd: 'false' } }, key);
        assert.is(conflict.status, 409);
        assert.is((await conflict.json()).code, 'idempotency-conflict');
        const other = await keys.create('other', ['execute']);
        const theirs = await post('/v1/executions', RUN, { ...key, authorization: `Bearer ${other.key}` });
        assert.not.ok(ids.has((await theirs.json()).id));
        await projector.caughtUp(await log.end());
        assert.is((await json('/v1/executions')).length, 2);
      },
      { ownEngines: true },
    ),
);

Executions('an idempotency key is found in the log by an API that has never heard of it', () =>
  withApi(async (first) => {
    const made = await (await first.post('/v1/executions', RUN, { 'idempotency-key': 'k1' })).json();
    const { createApp } = await import('../../api/app.ts');
    const pino = (await import('pino')).default;
    const requested: unknown[] = [];
    const app = createApp({
      config: first.config,
      log: first.log,
      index: first.index,
      projector: first.projector,
      keys: first.keys,
      logger: pino({ level: 'silent' }),
      version: 'x',
      executions: {
        request: async (input: unknown) => {
          requested.push(input);
          throw new Error('not wanted');
        },
      } as never,
    });
    const again = (cmd: string) =>
      app.request('http://localhost/v1/executions', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${first.keys.token}`,
          'content-type': 'application/json',
          'idempotency-key': 'k1',
        },
        body: JSON.stringify({ ...RUN, parameters: { cmd } }),
      });
    assert.is((await (await again('true')).json()).id, made.id);
    assert.is((await again('other')).status, 409);
    assert.equal(requested, []);
  }),
);

Executions('a failed request does not use up its key', () =>
  withApi(
    async ({ post }) => {
      const key = { 'idempotency-key': 'abc' };
      const refused = await post('/v1/executions', { action: 'core.unknown' }, key);
      assert.is(refused.status, 400);
      assert.is((await refused.json()).faultstring, 'Action "core.unknown" cannot be found.');
      assert.is((await post('/v1/executions', RUN, key)).status, 201);
    },
    { ownEngines: true },
  ),
);

Executions('lists page by cursor while executions are added, and by offset, with totals', () =>
  withApi(
    async ({ call, json, execution, projector, log }) => {
      const ids: string[] = [];
      for (let n = 0; n < 25; n += 1) await execution([]);
      await projector.caughtUp(await log.end());
      for (const { id } of await json('/v1/executions')) ids.push(id);
      const first = await call('/v1/executions?limit=10');
      assert.is(first.headers.get('x-total-count'), '25');
      assert.is(first.headers.get('x-limit'), '10');
      let page = await first.json();
      const seen = page.map((entry: Json) => entry.id);
      let cursor = first.headers.get('x-next-cursor');
      await execution([]);
      while (cursor) {
        const next: Response = await call(`/v1/executions?limit=10&cursor=${encodeURIComponent(cursor)}`);
        page = await next.json();
        seen.push(...page.map((entry: Json) => entry.id));
        cursor = next.headers.get('x-next-cursor');
      }
      assert.equal(seen, ids);
      const offset = await (await call('/v1/executions?limit=5&offset=20')).json();
      assert.is(offset.length, 5);
      const oldest = await (await call('/v1/executions?limit=1&sort_asc=True')).json();
      assert.is(oldest[0].id, ids.at(-1));
      const all = await call('/v1/executions?limit=-1');
      assert.is((await all.json()).length, 26);
      assert.is(all.headers.get('x-limit'), null);
    },
    { ownEngines: true },
  ),
);

Executions('lists filter by status, action, text, time and ids, and understand what st2 sends', () =>
  withApi(
    async ({ json, call, execution, post, log, projector }) => {
      const good = await execution([], { succeeded: true });
      const bad = await execution([], { succeeded: false });
      const running = await execution([], { end: false });
      await post('/v1/executions', { action: 'other.thing', parameters: { cmd: 'say needle now' } });
      await projector.caughtUp(await log.end());
      const ids = async (query: string) =>
        (await json(`/v1/executions?${query}`)).map((entry: Json) => entry.id);
      assert.equal(await ids('status=failed'), [bad.id]);
      assert.equal((await ids('status=failed,running')).sort(), [bad.id, running.id].sort());
      assert.is((await ids('action=other.thing')).length, 1);
      assert.is((await ids('q=needle')).length, 1);
      assert.is((await ids('q=nothing-like-it')).length, 0);
      assert.is((await ids('user=tester')).length, 3);
      assert.is((await ids('since=1h')).length, 4);
      assert.is((await ids('until=1h')).length, 0);
      assert.equal((await ids(`id=${good.id},${bad.id}`)).sort(), [good.id, bad.id].sort());
      assert.ok((await ids(`id_prefix=${good.id.slice(0, 13)}`)).includes(good.id));
      assert.is((await ids('timestamp_gt=2020-01-01T00:00:00Z&timestamp_lt=2099-01-01T00:00:00Z')).length, 4);
      assert.is((await ids('timestamp=2020-01-01T00:00:00Z..2021-01-01T00:00:00Z')).length, 0);
      assert.is((await ids('parent=null&limit=50&sort_desc=True')).length, 4);
      assert.is((await ids('parent=abc')).length, 0);
      const [entry] = await json(
        '/v1/executions?limit=1&include_attributes=id,action.ref,context.user,status',
      );
      assert.equal(Object.keys(entry).sort(), ['action', 'context', 'id', 'status']);
      const [without] = await json(`/v1/executions?id=${good.id}&exclude_attributes=result`);
      assert.is(without.result, undefined);
      for (const query of [
        'limit=0',
        'limit=x',
        'limit=-2',
        'offset=2147483648',
        'status=nope',
        'since=yesterdayish',
        'timestamp=x',
        'include_attributes=a&exclude_attributes=result',
        'exclude_attributes=log',
      ]) {
        const answer = await call(`/v1/executions?${query}`);
        assert.is(answer.status, 400, query);
        assert.type((await answer.json()).faultstring, 'string');
      }
      const message = await (await call('/v1/executions?offset=x')).json();
      assert.is(message.faultstring, 'Parameter "offset" is not of type integer');
    },
    { ownEngines: true },
  ),
);

Executions('an ended execution shows its result with its output, cut where it is very long', () =>
  withApi(async ({ json, execution }) => {
    const small = await execution([{ text: 'out\n' }, { text: 'err\r\n', stream: 'stderr' }], {
      succeeded: false,
    });
    const { result } = await json(`/v1/executions/${small.id}`);
    assert.equal(
      [result.stdout, result.stderr, result.return_code, result.succeeded, result.failed],
      ['out', 'err', 1, false, true],
    );
    assert.equal(result.totals.stdout, { bytes: 4, lines: 1 });
    const large = await execution(Array.from({ length: 20 }, () => ({ text: `${'x'.repeat(50_000)}\n` })));
    const text = (await json(`/v1/executions/${large.id}`)).result.stdout;
    assert.ok(text.length < 300_000);
    assert.match(text, /the result holds the first \d+ bytes/);
    assert.is((await json(`/v1/executions/${large.id}?max_result_size=100`)).result, undefined);
    assert.is((await json('/v1/executions'))[0].result.stdout, undefined);
  }),
);

Executions('canceling asks the owner once; what has ended says so with 200, as StackStorm does', () =>
  withApi(async ({ call, cancels, execution }) => {
    const running = await execution([], { end: false });
    const cancel = async (id: string) => {
      const answer = await call(`/v1/executions/${id}`, { method: 'DELETE' });
      return [answer.status, await answer.json()];
    };
    const [status, body] = await cancel(running.id);
    assert.is(status, 200);
    assert.is(body.status, 'canceling');
    assert.is(cancels.length, 1);
    assert.is(cancels[0]?.id, running.id);
    const [, twice] = await cancel(running.id);
    assert.equal(twice, { faultstring: 'Action cannot be canceled. State = canceling.' });
    const ended = await execution([]);
    assert.equal(await cancel(ended.id), [
      200,
      { faultstring: 'Action cannot be canceled. State = succeeded.' },
    ]);
    assert.is((await cancel('01a20000-0000-7000-8000-00000000dead'))[0], 404);
  }),
);

Executions('a re-run takes the old parameters, secrets and script, with overrides', () =>
  withApi(async ({ post, requests }) => {
    const made = await (
      await post('/v1/executions', {
        action: 'core.local',
        parameters: { cmd: 'a', secret: '********', x: 1 },
        script: 'echo',
      })
    ).json();
    const again = await post(`/v1/executions/${made.id}/re_run`, {
      parameters: { x: 2 },
      tasks: [],
      reset: [],
      delay: 0,
    });
    assert.is(again.status, 201);
    assert.equal((await again.json()).context['re-run'], { ref: made.id });
    assert.equal(requests[1]?.parameters, { x: 2 });
    assert.equal(requests[1]?.inherited, { cmd: 'a', secret: 'in clear', x: 1 });
    assert.is(requests[1]?.script, 'echo');
    await post('/v1/executions/last/re_run?no_merge=1', { parameters: { cmd: 'b' } });
    assert.equal([requests[2]?.parameters, requests[2]?.inherited], [{ cmd: 'b' }, undefined]);
  }),
);

Executions('an unknown id is a 404 that helps, `last` of nothing a 400, an ambiguous beginning says so', () =>
  withApi(
    async ({ call, execution }) => {
      const none = await call('/v1/executions/last');
      assert.is(none.status, 400);
      assert.is((await none.json()).faultstring, 'No executions found in the database');
      const one = await execution([]);
      const two = await execution([]);
      const body = await (await call('/v1/executions/nope')).json();
      assert.match(body.faultstring, /^Unable to identify resource with id "nope"\./);
      assert.ok(body.detail.includes(two.id));
      let same = 0;
      while (one.id[same] === two.id[same]) same += 1;
      await until(20_000, async () => (await call(`/v1/executions/${two.id}`)).ok);
      const ambiguous = await call(`/v1/executions/${one.id.slice(0, same)}`);
      assert.is(ambiguous.status, 400);
      assert.match((await ambiguous.json()).detail, /several ids/);
      assert.is((await (await call(`/v1/executions/${one.id.slice(0, same + 1)}/`)).json()).id, one.id);
    },
    { ownEngines: true },
  ),
);

Executions('when the index is far behind, an execution is still found, from the log', () =>
  withApi(async ({ projector, execution, json }) => {
    await projector.pausedFor(async () => {
      const { id } = await execution([{ text: 'x\n' }]);
      const found = await within(20_000, json(`/v1/executions/${id}`));
      assert.is(found.status, 'succeeded');
    });
  }),
);

Executions.run();
