import { createParser } from 'eventsource-parser';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { expiringTokens } from '../../../access/expiring-tokens.ts';
import { st2Routes } from '../../../api/st2/routes.ts';
import { type ApiFixture, withApi } from '../../support/api.ts';
import { until, within } from '../../support/within.ts';

const test = suite('StackStorm stream');

interface Frame {
  event: string;
  id?: string;
  // biome-ignore lint/suspicious/noExplicitAny: each event has another body
  data: any;
}

function withSt2(body: (fixture: ApiFixture) => Promise<void>): Promise<void> {
  return withApi(body, {
    serve: true,
    deps: { extraRoutes: [(api) => st2Routes(api, expiringTokens(api.keys, {}))] },
  });
}

/** Opens a stream; `frames` grows, `ended` resolves when the server closes it. */
async function open(fixture: ApiFixture, path: string, headers: Record<string, string> = {}) {
  const response = await fixture.call(path, { headers });
  assert.is(response.status, 200, path);
  const frames: Frame[] = [];
  const parser = createParser({
    onEvent: ({ event = '', id, data }) => {
      frames.push({
        event,
        data: event === 'EOF' ? data : JSON.parse(data),
        ...(id === undefined ? {} : { id }),
      });
    },
  });
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) parser.feed(decoder.decode(bytes, { stream: true }));
  })();
  // Streams of everybody end with the server, in the middle.
  ended.catch(() => undefined);
  return { frames, ended, response };
}

const tail = (id: string): string =>
  `/v1/stream?end_event=st2.execution__update&end_execution_id=${id}&events=st2.execution__update,st2.execution.output__create`;
const texts = (frames: Frame[]): string[] =>
  frames.filter(({ event }) => event === 'st2.execution.output__create').map(({ data }) => data.data);

test('a tail of a finished execution gets its lines, one event each, then its end, and is closed', () =>
  withSt2(async (fixture) => {
    const { id } = await fixture.execution([
      { text: 'a\nb\n' },
      { text: 'e\n', stream: 'stderr' },
      { text: 'no end' },
    ]);
    const { frames, ended, response } = await open(fixture, tail(id));
    await within(20_000, ended);
    assert.equal(texts(frames), ['a\n', 'b\n', 'e\n', 'no end']);
    const [first] = frames;
    assert.equal(
      { ...first?.data, id: undefined, timestamp: undefined },
      {
        id: undefined,
        timestamp: undefined,
        execution_id: id,
        action_ref: 'core.local',
        runner_ref: 'local-shell-cmd',
        output_type: 'stdout',
        data: 'a\n',
      },
    );
    const last = frames.at(-1) as Frame;
    assert.is(last.event, 'st2.execution__update');
    assert.is(last.data.status, 'succeeded');
    assert.ok(last.data.context);
    assert.match(response.headers.get('content-type') as string, /^text\/event-stream; charset=utf-8$/i);
    assert.is(response.headers.get('content-encoding'), null);
    assert.is(response.headers.get('transfer-encoding'), 'chunked');
  }));

test('a tail of a running execution hears that it runs, each line, and the end after the last line', () =>
  withSt2(async (fixture) => {
    const { id, record } = await fixture.execution([{ text: 'early\n' }], { end: false });
    const { frames, ended } = await open(fixture, tail(id));
    await until(20_000, () => texts(frames).length === 1);
    assert.ok(
      frames.some(({ event, data }) => event === 'st2.execution__update' && data.status === 'running'),
    );
    await fixture.log.append([record.output({ text: 'late\n' })]);
    await until(20_000, () => texts(frames).length === 2);
    await fixture.log.append([record.completed('failed')]);
    await within(20_000, ended);
    assert.equal(texts(frames), ['early\n', 'late\n']);
    assert.is(frames.at(-1)?.data.status, 'failed');
    assert.ok(
      frames.every(({ event, data }) => event !== 'st2.execution.output__create' || !('status' in data)),
    );
  }));

test('a tail resumes after the last event it had', () =>
  withSt2(async (fixture) => {
    const { id } = await fixture.execution([{ text: 'a\n' }, { text: 'b\nc\n' }, { text: 'd\n' }]);
    const { frames, ended } = await open(fixture, tail(id));
    await within(20_000, ended);
    const at = frames.find(({ data }) => data.data === 'c\n')?.id as string;
    const again = await open(fixture, tail(id), { 'last-event-id': at });
    await within(20_000, again.ended);
    assert.equal(texts(again.frames), ['d\n']);
    assert.is(again.frames.at(-1)?.data.status, 'succeeded');
  }));

test('only the events that were asked for are sent; the stream closes all the same', () =>
  withSt2(async (fixture) => {
    const { id } = await fixture.execution([{ text: 'a\n' }]);
    const output = await open(
      fixture,
      `/v1/stream?end_execution_id=${id}&end_event=st2.execution__update&events=*output*`,
    );
    await within(20_000, output.ended);
    assert.equal(
      output.frames.map(({ event }) => event),
      ['st2.execution.output__create'],
    );
    const plain = await open(fixture, `/v1/stream?end_execution_id=${id}&end_event=st2.execution__update`);
    await within(20_000, plain.ended);
    assert.equal(texts(plain.frames), []);
    assert.ok(plain.frames.some(({ event }) => event === 'st2.liveaction__update'));
  }));

test('without an execution it carries everybody, without output unless that is asked for', () =>
  withSt2(async (fixture) => {
    const all = await open(fixture, `/v1/stream?st2-api-key=${fixture.keys.token}`, { authorization: '' });
    const lines = await open(fixture, '/stream/v1/stream?events=st2.execution.output__create');
    const other = await open(fixture, '/v1/stream?action_refs=other.action&events=*');
    const { id } = await fixture.execution([{ text: 'a\n' }]);
    await until(
      20_000,
      () => all.frames.some(({ data }) => data.status === 'succeeded') && lines.frames.length > 0,
    );
    assert.equal(
      all.frames
        .filter(({ event }) => event.startsWith('st2.execution__'))
        .map(({ event, data }) => [event, data.id, data.status]),
      [
        ['st2.execution__create', id, 'requested'],
        ['st2.execution__update', id, 'scheduled'],
        ['st2.execution__update', id, 'running'],
        ['st2.execution__update', id, 'succeeded'],
      ],
    );
    assert.equal(texts(all.frames), []);
    assert.equal(texts(lines.frames), ['a\n']);
    assert.equal(other.frames, []);
  }));

test('the output stream of one execution ends with EOF', () =>
  withSt2(async (fixture) => {
    const { id } = await fixture.execution([{ text: 'a\n' }, { text: 'e\n', stream: 'stderr' }]);
    const { frames, ended } = await open(fixture, `/stream/v1/executions/${id}/output?output_type=stderr`);
    await within(20_000, ended);
    assert.equal(texts(frames), ['e\n']);
    assert.equal(frames.at(-1), { event: 'EOF', data: "''" });
  }));

test('our own stream and output stay what they are', () =>
  withSt2(async (fixture) => {
    const { id } = await fixture.execution([{ text: 'a\n' }]);
    assert.is(await (await fixture.call(`/v1/executions/${id}/output?output_type=stdout`)).text(), 'a\n');
    const { frames } = await open(fixture, '/v1/stream?after=beginning');
    await until(20_000, () => frames.some(({ event }) => event === 'execution.completed'));
  }));

test('bad credentials and unknown executions are refused before the stream begins', () =>
  withSt2(async (fixture) => {
    const rows: [string, Record<string, string>, number][] = [
      ['/v1/stream?st2-api-key=wrong', { authorization: '' }, 401],
      ['/v1/stream?events=*', { authorization: '' }, 401],
      ['/v1/executions?st2-api-key=TOKEN', { authorization: '' }, 401],
      ['/v1/stream?end_execution_id=000000000000000000000000', {}, 404],
      ['/v1/stream?st2-api-key=TOKEN', { authorization: '', 'x-auth-token': 'wrong' }, 401],
    ];
    for (const [path, headers, status] of rows) {
      const response = await fixture.call(path.replace('TOKEN', fixture.keys.token), { headers });
      assert.is(response.status, status, path);
      assert.ok(((await response.json()) as { faultstring: string }).faultstring);
    }
    assert.not.match(fixture.logged.join('\n'), fixture.keys.token);
  }));

test('bytes that are not UTF-8 and separators of JavaScript do not break a line or the framing', () =>
  withSt2(async (fixture) => {
    const { id } = await fixture.execution([
      { text: Buffer.from([0x61, 0xff, 0x0a]) },
      { text: 'x\u2028y\rz\n' },
    ]);
    const { frames, ended } = await open(fixture, tail(id));
    await within(20_000, ended);
    assert.equal(texts(frames), ['a\ufffd\n', 'x\u2028y\rz\n']);
  }));

test('logins, the user and the corners of executions answer as the contract says', () =>
  withSt2(async (fixture) => {
    const { id } = await fixture.execution([{ text: 'a\n' }]);
    const { id: running } = await fixture.execution([], { end: false });
    const basic = (password: string) => ({
      authorization: `Basic ${Buffer.from(`ann:${password}`).toString('base64')}`,
    });
    const login = await fixture.post('/auth/v1/tokens', { ttl: 60 }, basic(fixture.keys.token));
    assert.is(login.status, 201);
    assert.match(login.headers.get('x-api-url') as string, '/v1');
    const token = (await login.json()) as { user: string; expiry: string };
    assert.is(token.user, 'ann');
    assert.ok(Math.abs(Date.parse(token.expiry) - Date.now() - 60_000) < 10_000);
    const refused = await fixture.post('/tokens', {}, basic('wrong'));
    assert.is(refused.status, 401);
    assert.is(
      ((await refused.json()) as { faultstring: string }).faultstring,
      'Invalid or missing credentials',
    );
    assert.is((await fixture.post('/tokens', { ttl: 1e9 }, basic(fixture.keys.token))).status, 400);
    assert.is((await fixture.json('/v1/user')).rbac.is_admin, true);
    assert.equal(await fixture.json(`/v1/executions/${id}/children`), []);
    assert.is(await fixture.json(`/v1/executions/${id}/attribute/status`), 'succeeded');
    const put = (to: string, status: string) =>
      fixture.call(`/v1/executions/${to}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ status }),
      });
    assert.match(
      ((await (await put(running, 'pausing')).json()) as { faultstring: string }).faultstring,
      'not supported by the "local-shell-cmd" runner',
    );
    assert.match(
      ((await (await put(id, 'canceled')).json()) as { faultstring: string }).faultstring,
      'Execution is already in completed state.',
    );
    assert.is((await put(running, 'canceled')).status, 200);
    assert.is(fixture.cancels.length, 1);
  }));

test.run();
