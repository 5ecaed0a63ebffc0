import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withApi } from '../../support/api.ts';
import { allFrames, type Frame, frames, jsonLines } from '../../support/sse.ts';
import { until, within } from '../../support/within.ts';

const Output = suite('output routes');

const SSE = { accept: 'text/event-stream' };
const NDJSON = { accept: 'application/x-ndjson' };

Output('raw text is the bytes as stored, of one stream or of both in the order of arrival', () =>
  withApi(async ({ call, execution }) => {
    const binary = Buffer.from([0xff, 0, 0xfe, 10, 0xe2, 0x82]);
    const { id } = await execution([
      { text: 'one\r\n' },
      { text: 'err\n', stream: 'stderr' },
      { text: binary },
      { text: 'data: x\n\nid: 7', stream: 'stderr' },
    ]);
    const bytes = async (path: string) => Buffer.from(await (await call(path)).arrayBuffer());
    assert.equal(await bytes(`/v1/executions/${id}/stdout`), Buffer.concat([Buffer.from('one\r\n'), binary]));
    assert.is((await bytes(`/v1/executions/${id}/stderr`)).toString(), 'err\ndata: x\n\nid: 7');
    assert.is((await bytes(`/v1/executions/${id}/output`)).length, 5 + 4 + binary.length + 14);
    const answer = await call(`/v1/executions/${id}/output?download=1`);
    assert.is(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.is(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.match(answer.headers.get('content-disposition') ?? '', /^attachment; filename="[0-9a-f-]+\.log"$/);
    await answer.text();
  }),
);

Output('SSE gives a chunk an event with its position, then the end, then nothing more', () =>
  withApi(async ({ call, execution }) => {
    const { id } = await execution([{ text: 'a\nb\n' }, { text: 'half' }, { text: ' done\n' }], {
      succeeded: false,
    });
    const got = await allFrames(await call(`/v1/executions/${id}/output`, { headers: SSE }));
    assert.equal(
      got.map(({ event, id, data }) => [event, id, data.text ?? data.status]),
      [
        ['output', '3', 'a\nb\n'],
        ['output', '4', 'half'],
        ['output', '5', ' done\n'],
        ['end', '6', 'failed'],
      ],
    );
    assert.equal(got[1]?.data.partial, true);
    assert.is(got[3]?.data.exit_code, 1);
    assert.equal(got[3]?.data.totals.stdout, { bytes: 14, lines: 3 });
    const again = await call(`/v1/executions/${id}/output`, { headers: { ...SSE, 'last-event-id': '6' } });
    assert.is(again.status, 204);
    const rest = await allFrames(
      await call(`/v1/executions/${id}/output`, { headers: { ...SSE, 'last-event-id': '4' } }),
    );
    assert.equal(
      rest.map((frame) => frame.id),
      ['5', '6'],
    );
  }),
);

Output('a running execution is followed live, in every format, until its end', () =>
  withApi(
    async ({ call, execution, log }) => {
      const { id, record } = await execution([{ text: 'before\n' }], { end: false });
      const text = call(`/v1/executions/${id}/output`).then((answer) => answer.text());
      const lines = call(`/v1/executions/${id}/stdout`, { headers: NDJSON }).then(jsonLines);
      const events: Frame[] = [];
      const reading = (async () => {
        for await (const frame of frames(await call(`/v1/executions/${id}/output`, { headers: SSE })))
          events.push(frame);
      })();
      await until(20_000, () => events.some((frame) => frame.data.text === 'before\n'));
      assert.equal(
        [events[0]?.event, events[0]?.id || undefined, events[0]?.data.status],
        ['status', undefined, 'running'],
      );
      for (let n = 0; n < 20; n += 1)
        await log.append([record.output({ text: `live ${n}\n`, stream: n % 2 ? 'stderr' : 'stdout' })]);
      await log.append([
        { type: 'execution.cancel_requested', executionId: id, position: 24, at: Date.now(), by: 'me' },
      ]);
      record.requested(); // takes the position just used
      await log.append([record.completed('failed')]);
      await within(20_000, reading, 'the end over SSE');
      assert.is(events.filter((frame) => frame.event === 'output').length, 21);
      assert.is(events.find((frame) => frame.id === '24')?.data.status, 'canceling');
      assert.is(events.at(-1)?.event, 'end');
      assert.is((await within(20_000, text)).split('\n').length, 22);
      const records = await within(20_000, lines);
      assert.is(records.filter((record) => record.stream === 'stdout').length, 11);
      assert.is(records.at(-1).end.status, 'failed');
    },
    { serve: true },
  ),
);

Output('what is appended is readable at once, before the index has it', () =>
  withApi(async ({ call, execution, log, projector }) => {
    const { id, record } = await execution([{ text: '1\n' }], { end: false });
    await until(20_000, async () => (await call(`/v1/executions/${id}`)).ok);
    await projector.pausedFor(async () => {
      await log.append([record.output({ text: '2\n' }), record.output({ text: '3\n' })]);
      assert.is(await (await call(`/v1/executions/${id}/output?follow=false`)).text(), '1\n2\n3\n');
      assert.is(await (await call(`/v1/executions/${id}/output?follow=false&tail=2`)).text(), '2\n3\n');
    });
  }),
);

Output('tail counts lines after filtering, and from_line, to_line, since and grep choose lines', () =>
  withApi(async ({ call, execution }) => {
    const pieces = Array.from({ length: 3000 }, (_, n) => ({
      text: `${n + 1} ${n % 10 === 0 ? 'ten' : 'other'}\n`,
      stream: n % 100 === 0 ? ('stderr' as const) : ('stdout' as const),
    }));
    const { id } = await execution(pieces);
    const get = async (query: string) =>
      (await (await call(`/v1/executions/${id}/output?follow=false&${query}`)).text())
        .split('\n')
        .slice(0, -1);
    assert.equal(await get('tail=2'), ['2999 other', '3000 other']);
    assert.equal(await get('tail=0'), []);
    assert.is((await get('tail=5000')).length, 3000);
    assert.equal(await get('tail=2&stream=stderr'), ['2801 ten', '2901 ten']);
    assert.equal(await get('tail=2&grep=^.*ten$'), ['2981 ten', '2991 ten']);
    assert.equal(await get('tail=2&grep=ten&stream=stderr&to_line=2850'), ['2701 ten', '2801 ten']);
    assert.equal(await get('from_line=41&to_line=43'), ['41 ten', '42 other', '43 other']);
    assert.equal(await get('from_line=41&tail=1&to_line=43'), ['43 other']);
    assert.is((await get('since=1h')).length, 3000);
    assert.is((await get('since=2099-01-01T00:00:00Z')).length, 0);
    assert.match((await get('tail=1&timestamps=1'))[0] ?? '', /^\d{4}-.*Z 3000 other$/);
  }),
);

Output('a range of lines ends the answer once its lines are there, though the execution runs on', () =>
  withApi(async ({ call, execution }) => {
    const { id } = await execution([{ text: '1\n2\n3\n4\n' }], { end: false });
    const text = await within(
      20_000,
      call(`/v1/executions/${id}/output?from_line=2&to_line=3`).then((r) => r.text()),
    );
    assert.is(text, '2\n3\n');
  }),
);

Output('a grepping follower that resumes at any position gets each matching line once', () =>
  withApi(async ({ call, execution }) => {
    const { id } = await execution([
      { text: 'x1\nno\nx2\n' },
      { text: 'begin ' },
      { text: 'other\n', stream: 'stderr' },
      { text: 'middle x3 ' },
      { text: 'more ' },
      { text: 'end\n' },
      { text: 'no\nx4\nx5' },
      { text: ' still\n' },
      { text: 'x6 never ended', stream: 'stderr' },
      { text: 'no\n' },
    ]);
    const path = `/v1/executions/${id}/output?grep=x`;
    const whole = (await allFrames(await call(path, { headers: SSE }))).filter(
      (frame) => frame.event === 'output',
    );
    assert.is(
      whole.map((frame) => frame.data.text).join(''),
      'x1\nx2\nbegin middle x3 more end\nx4\nx5 still\nx6 never ended',
    );
    assert.equal(whole[0]?.data.seqs, [1, 3]);
    for (let after = 0; after <= 11; after += 1) {
      const rest = await allFrames(await call(path, { headers: { ...SSE, 'last-event-id': String(after) } }));
      assert.equal(
        rest.filter((frame) => frame.event === 'output').map((frame) => [frame.id, frame.data.text]),
        whole.filter((frame) => Number(frame.id) > after).map((frame) => [frame.id, frame.data.text]),
        `resumed after ${after}`,
      );
    }
  }),
);

Output('a catastrophic expression is answered quickly, a wrong one explained', () =>
  withApi(async ({ call, execution }) => {
    const { id } = await execution([{ text: `${'a'.repeat(5000)}!\n` }]);
    const start = performance.now();
    const answer = await call(`/v1/executions/${id}/output?grep=${encodeURIComponent('^(a+)+$')}`);
    assert.is(await answer.text(), '');
    assert.ok(performance.now() - start < 20_000);
    const wrong = await call(`/v1/executions/${id}/output?grep=${encodeURIComponent('(?=x)')}`);
    assert.is(wrong.status, 400);
    assert.match((await wrong.json()).detail, /RE2/);
  }),
);

Output('positions that never were, garbage ids and unknown executions are refused, not started anew', () =>
  withApi(async ({ call, execution }) => {
    const { id } = await execution([{ text: '1\n' }], { end: false });
    for (const bad of ['99', 'abc', '-1', '9007199254740993', '1e3']) {
      const answer = await call(`/v1/executions/${id}/output`, { headers: { ...SSE, 'last-event-id': bad } });
      assert.is(answer.status, 400, bad);
      assert.is(answer.headers.get('content-type'), 'application/problem+json');
    }
    const absent = await call('/v1/executions/01a20000-0000-7000-8000-00000000dead/output');
    assert.is(absent.status, 404);
    assert.is((await absent.json()).code, 'execution-not-found');
  }),
);

Output(
  'output that retention dropped is said to be gone: a problem for text, an event for SSE, a record for NDJSON',
  () =>
    withApi(async ({ call, execution, index, log }) => {
      const { id } = await execution([{ text: '1\n' }]);
      await until(20_000, async () => (await index.execution(id))?.status === 'succeeded');
      await log.purge({ output: [id], executions: [] });
      await index.purge({ output: [id], executions: [] });
      const text = await call(`/v1/executions/${id}/output`);
      assert.is(text.status, 410);
      assert.is((await text.json()).code, 'output-expired');
      const sse = await allFrames(await call(`/v1/executions/${id}/output`, { headers: SSE }));
      assert.equal(
        sse.map((frame) => frame.event),
        ['trimmed', 'end'],
      );
      const lines = await jsonLines(await call(`/v1/executions/${id}/output`, { headers: NDJSON }));
      assert.equal(
        lines.map((line) => Object.keys(line)[0]),
        ['trimmed', 'end'],
      );
    }),
);

Output('with stream_output off a running execution answers why, an ended one its output', () =>
  withApi(
    async ({ call, execution }) => {
      const running = await execution([{ text: '1\n' }], { end: false });
      const ended = await execution([{ text: '2\n' }]);
      const refused = await call(`/v1/executions/${running.id}/output`);
      assert.is(refused.status, 409);
      assert.is((await refused.json()).code, 'stream-output-disabled');
      assert.is(await (await call(`/v1/executions/${ended.id}/output`)).text(), '2\n');
    },
    { settings: { 'worker.streamOutput': false } },
  ),
);

Output('remote hosts are told apart and can be chosen', () =>
  withApi(async ({ call, execution }) => {
    const { id } = await execution([
      { text: 'from a\n', host: 'a' },
      { text: 'from b\n', host: 'b' },
      { text: 'from a again\n', host: 'a' },
    ]);
    assert.is(await (await call(`/v1/executions/${id}/output?host=a`)).text(), 'from a\nfrom a again\n');
    const lines = await jsonLines(await call(`/v1/executions/${id}/output`, { headers: NDJSON }));
    assert.equal(
      lines.slice(0, 3).map((line) => line.host),
      ['a', 'b', 'a'],
    );
  }),
);

Output('twenty thousand lines at full speed reach followers that join at random moments, exactly', () =>
  withApi(
    async ({ call, execution, log }) => {
      const { id, record } = await execution([], { end: false });
      const hash = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
      let written = '';
      const followers: Promise<string>[] = [];
      for (let batch = 0; batch < 200; batch += 1) {
        const events = Array.from({ length: 10 }, (_, n) => {
          const text = Array.from(
            { length: 10 },
            (_, k) => `line ${batch * 100 + n * 10 + k} ${'.'.repeat(k * 7)}\n`,
          ).join('');
          written += text;
          return record.output({ text });
        });
        await log.append(events);
        if (batch % 13 === 0)
          followers.push(call(`/v1/executions/${id}/output`).then((answer) => answer.text()));
      }
      followers.push(call(`/v1/executions/${id}/output`).then((answer) => answer.text()));
      await log.append([record.completed()]);
      followers.push(call(`/v1/executions/${id}/output`).then((answer) => answer.text()));
      for (const text of await within(20_000, Promise.all(followers), 'all followers'))
        assert.is(hash(text), hash(written));
    },
    { serve: true },
  ),
);

Output.run();
