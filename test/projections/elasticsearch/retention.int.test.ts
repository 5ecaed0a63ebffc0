import { createServer } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Checkpoint } from '../../../events/event-log.ts';
import { elasticsearchOutputIndex } from '../../../projections/elasticsearch/output-index.ts';
import { policyRequests } from '../../../projections/elasticsearch/templates.ts';
import { applyEvent } from '../../../projections/execution-document.ts';
import { recording } from '../../support/output-events.ts';
import { randomPrefix, sharedStack } from '../../support/stack.ts';

const test = suite('Retention in Elasticsearch');
const DAY_MS = 86_400_000;

/** A UUIDv7 of a time. */
function idAt(at: number): string {
  const time = at.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${Math.random().toString(16).slice(2, 14).padEnd(12, '0')}`;
}

test('the lifecycle policies have both TTLs, field by field, and follow the configuration', () => {
  const setup = { prefix: 'lf', replicas: 1, warmAfterMs: 2 * DAY_MS };
  const [output, executions] = policyRequests({
    ...setup,
    outputTtlMs: 7 * DAY_MS,
    executionsTtlMs: 90 * DAY_MS,
  });
  assert.equal(output, {
    method: 'PUT',
    path: '/_ilm/policy/lf-output',
    body: {
      policy: {
        _meta: { managed_by: 'linefeed', ttl_seconds: 604_800 },
        phases: {
          hot: { min_age: '0ms', actions: { set_priority: { priority: 100 } } },
          warm: {
            min_age: '259200s',
            actions: { set_priority: { priority: 50 }, forcemerge: { max_num_segments: 1 } },
          },
          delete: { min_age: '691200s', actions: { delete: {} } },
        },
      },
    },
  });
  assert.is(executions?.path, '/_ilm/policy/lf-executions');
  const phases = (request: typeof output) =>
    (request as unknown as { body: { policy: { phases: Record<string, { min_age: string }> } } }).body.policy
      .phases;
  assert.is(phases(executions).delete?.min_age, `${(90 + 31) * 86_400}s`);
  const [longer, forever] = policyRequests({
    ...setup,
    warmAfterMs: 0,
    outputTtlMs: 14 * DAY_MS,
    executionsTtlMs: 0,
  });
  assert.is(phases(longer).delete?.min_age, `${15 * 86_400}s`);
  assert.equal(Object.keys(phases(forever)), ['hot'], 'a TTL of 0 keeps for ever');
});

test('a cluster with ILM gets policies, and its indices name them', async () => {
  const seen: { method: string; path: string; body: string }[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    seen.push({ method: request.method ?? '', path: request.url ?? '', body });
    response.writeHead(200, { 'content-type': 'application/json', 'x-elastic-product': 'Elasticsearch' });
    response.end('{"acknowledged":true}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const index = await elasticsearchOutputIndex({
    node: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    indexPrefix: 'lf',
    replicas: 1,
    executionsTtlMs: 0,
    outputTtlMs: DAY_MS,
    warmAfterMs: 0,
  });
  try {
    await index.ensure();
    assert.ok(index.ilm);
    const paths = seen.map(({ method, path }) => `${method} ${path}`);
    for (const wanted of ['PUT /_ilm/policy/lf-output', 'PUT /_ilm/policy/lf-executions']) {
      assert.ok(paths.includes(wanted), wanted);
    }
    const component = seen.find(({ path }) => path === '/_component_template/lf-output');
    const { settings, mappings } = JSON.parse(component?.body ?? '{}').template;
    assert.is(settings['index.lifecycle.name'], 'lf-output');
    assert.is(settings['index.lifecycle.parse_origination_date'], true);
    assert.is(settings['index.number_of_replicas'], 1);
    assert.is(mappings.dynamic, false);
    assert.equal(await index.purgeCandidates({ output: Date.now(), executions: Date.now(), limit: 10 }), {
      output: [],
      executions: [],
    });
  } finally {
    await index.close();
    server.closeAllConnections();
    server.close();
  }
});

test('without ILM old output is purged, executions stay until their own TTL, and empty indices are deleted', async () => {
  const { elasticsearch } = await sharedStack();
  const indexPrefix = randomPrefix();
  const index = await elasticsearchOutputIndex({
    node: elasticsearch.address,
    indexPrefix,
    replicas: 0,
    executionsTtlMs: 90 * DAY_MS,
    outputTtlMs: 7 * DAY_MS,
    warmAfterMs: 0,
    refreshEveryMs: 0,
  });
  try {
    await index.ensure();
    assert.not.ok(index.ilm, 'this distribution has no ILM');
    const now = Date.now();
    const ids: Record<string, string> = {};
    for (const [name, age] of Object.entries({ young: 1, old: 45, ancient: 200 })) {
      const at = now - age * DAY_MS;
      const id = idAt(at);
      ids[name] = id;
      const record = recording(id);
      const events = [
        record.requested(),
        record.scheduled(),
        record.started(),
        record.output({ text: `${name}\n` }),
      ];
      const all = [...events, record.completed()].map((event) => ({ ...event, at }));
      let document = applyEvent(undefined, all[0] as never);
      for (const event of all.slice(1)) document = applyEvent(document, event as never);
      await index.write({
        documents: [document],
        chunks: all.filter(({ type }) => type === 'output.appended') as never,
        checkpoint: `0=${age}:0` as Checkpoint,
      });
    }
    const list = await index.retention();
    assert.is(list.length, 6);
    assert.ok(list.every(({ managedBy, documents }) => managedBy === 'linefeed' && documents === 1));
    const expired = list.filter(({ expiresAt }) => (expiresAt ?? Number.POSITIVE_INFINITY) < now);
    assert.is(expired.length, 3, 'two days of output and a month of executions');

    const bounds = { output: now - 7 * DAY_MS, executions: now - 90 * DAY_MS, limit: 100 };
    const candidates = await index.purgeCandidates(bounds);
    assert.equal(candidates, { output: [ids.old], executions: [ids.ancient] });
    await index.purge(candidates);
    const textOf = async (id = '') => {
      let text = '';
      for await (const chunks of index.chunks(id, {}))
        for (const { data } of chunks) text += Buffer.from(data);
      return text;
    };
    assert.is(await textOf(ids.young), 'young\n');
    assert.is(await textOf(ids.old), '');
    assert.is((await index.execution(ids.old ?? ''))?.outputPurgedThrough, 3);
    assert.is(await index.execution(ids.ancient ?? ''), undefined);
    assert.equal(await index.purgeCandidates(bounds), { output: [], executions: [] });
    const left = (await index.retention()).map(({ kind }) => kind).sort();
    assert.equal(left, ['executions', 'executions', 'output'], 'indices that are empty are gone');
  } finally {
    await index.close();
  }
});

test.run();
