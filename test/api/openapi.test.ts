import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asyncApiDocument } from '../../api/docs/asyncapi.ts';
import { openApiDocument } from '../../api/routes/docs.ts';
import { type ApiFixture, withApi } from '../support/api.ts';
import type { Json } from '../support/sse.ts';

const OpenApi = suite('OpenAPI');

/** Served, but about the API rather than of it. */
const UNDOCUMENTED = ['GET /openapi.json', 'GET /asyncapi.json', 'GET /docs'];

OpenApi('every route that is served is documented, and nothing else is', () =>
  withApi(async ({ app }) => {
    const served = new Set(
      app.routes
        .filter(({ method, path }) => method !== 'ALL' && path !== '/*')
        .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`),
    );
    const document = openApiDocument(app, '1');
    const documented = new Set(
      Object.entries(document.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      ),
    );
    assert.equal([...served].filter((route) => !documented.has(route)).sort(), UNDOCUMENTED.sort());
    assert.equal(
      [...documented].filter((route) => !served.has(route)),
      [],
    );
    assert.ok(documented.size >= 20);
  }),
);

OpenApi('every operation says who may call it, what it answers and that it may answer a problem', () =>
  withApi(async ({ app }) => {
    const document = openApiDocument(app, '1') as Json;
    assert.is(document.openapi, '3.1.0');
    assert.ok(document.components.securitySchemes.token);
    for (const [path, methods] of Object.entries<Json>(document.paths)) {
      for (const [method, operation] of Object.entries<Json>(methods)) {
        const name = `${method} ${path}`;
        assert.ok(operation.summary, name);
        assert.ok(operation.tags?.length, name);
        assert.ok(operation.responses.default?.content['application/problem+json'], name);
        for (const parameter of operation.parameters ?? [])
          assert.ok(parameter.schema, `${name} ${parameter.name}`);
        if (operation.requestBody) assert.ok(operation.requestBody.content['application/json'], name);
      }
    }
  }),
);

/** Every name of a property that a JSON Schema anywhere in the document gives. */
function propertyNames(node: unknown, found = new Set<string>()): Set<string> {
  if (node === null || typeof node !== 'object') return found;
  for (const [name, value] of Object.entries(node)) {
    if (name === 'properties') for (const property of Object.keys(value as object)) found.add(property);
    propertyNames(value, found);
  }
  return found;
}

OpenApi('names that travel are snake_case, in the API and on Kafka', () =>
  withApi(async ({ app }) => {
    const { messages } = asyncApiDocument('1').components as { messages: Record<string, Json> };
    const payloads = Object.values(messages).map(({ payload }) => payload);
    const names = [...propertyNames(openApiDocument(app, '1')), ...propertyNames(payloads)];
    assert.ok(names.includes('start_timestamp') && names.includes('execution_id'), names.join());
    assert.equal(
      names.filter((name) => !/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(name)),
      [],
    );
  }),
);

/** The document with objects closed: an answer then has no field that is not described. */
function closed(node: Json): Json {
  if (Array.isArray(node)) return node.map(closed);
  if (node === null || typeof node !== 'object') return node;
  const copy = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, closed(value)]));
  return copy.type === 'object' && copy.properties && copy.additionalProperties === undefined
    ? { ...copy, additionalProperties: false }
    : copy;
}

/** Calls and checks that status, type and body are as documented. */
function checker(api: ApiFixture, document: Json) {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'root', components: document.components });
  const compiled = new Map<string, ValidateFunction>();
  const checked = new Set<string>();
  const rooted = (value: Json): Json =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/components', '"root#/components'));
  return {
    checked,
    async check(method: string, template: string, path: string, init: RequestInit = {}) {
      const response = await api.call(path, { ...init, method });
      const operation = document.paths[template]?.[method.toLowerCase()];
      const where = `${method} ${path} -> ${response.status}`;
      assert.ok(response.status < 500, where);
      const declared = operation?.responses[response.status] ?? operation?.responses.default;
      assert.ok(declared, `${where} is not documented`);
      const type = (response.headers.get('content-type') ?? '').split(';')[0] as string;
      const text = await response.text();
      if (response.status === 204) return;
      assert.ok(declared.content?.[type], `${where} has undocumented type ${type}`);
      if (/^application\/(problem\+)?json$/.test(type)) {
        const key = `${template} ${method} ${response.status} ${type}`;
        let validate = compiled.get(key);
        if (!validate) {
          validate = ajv.compile(rooted(declared.content[type].schema));
          compiled.set(key, validate);
        }
        assert.ok(
          validate(JSON.parse(text)),
          `${where}: ${ajv.errorsText(validate.errors)} in ${text.slice(0, 300)}`,
        );
      }
      checked.add(`${method.toUpperCase()} ${template}`);
      return text;
    },
  };
}

OpenApi('answers, good and bad, are what the document says', () =>
  withApi(
    async (api) => {
      const document = closed(openApiDocument(api.app, '1') as Json);
      const { check, checked } = checker(api, document);
      const ended = await api.execution([{ text: 'needle\nmore\n' }, { text: 'e\n', stream: 'stderr' }]);
      const running = await api.execution([{ text: 'needle\n' }], { end: false });
      const body = (value: unknown) => ({
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(value),
      });
      const X = '/v1/executions';
      await check('GET', '/healthz', '/healthz');
      await check('GET', '/readyz', '/readyz');
      await check('GET', '/metrics', '/metrics');
      await check('GET', X, X);
      await check('GET', X, `${X}?include_attributes=id`);
      await check('GET', X, `${X}?limit=x`);
      await check('POST', X, X, body({ action: 'core.local', parameters: { cmd: 'x' } }));
      await check('POST', X, X, body({ action: 'core.unknown' }));
      await check('POST', X, X, { body: 'x' });
      for (const id of [ended.id, running.id, 'last', 'unknown'])
        await check('GET', `${X}/{id}`, `${X}/${id}`);
      await check('DELETE', `${X}/{id}`, `${X}/${running.id}`);
      await check('DELETE', `${X}/{id}`, `${X}/${ended.id}`);
      await check('POST', `${X}/{id}/re_run`, `${X}/${ended.id}/re_run`, body({}));
      await check('POST', `${X}/{id}/re_run`, `${X}/${ended.id}/re_run`);
      for (const name of ['output', 'stdout', 'stderr']) {
        for (const accept of ['text/plain', 'application/x-ndjson', 'text/event-stream']) {
          await check('GET', `${X}/{id}/${name}`, `${X}/${ended.id}/${name}`, { headers: { accept } });
        }
        await check('GET', `${X}/{id}/${name}`, `${X}/unknown/${name}`);
      }
      await check('GET', `${X}/{id}/outline`, `${X}/${ended.id}/outline`);
      for (const accept of ['application/json', 'application/x-ndjson', 'text/event-stream']) {
        await check('GET', `${X}/{id}/events`, `${X}/${ended.id}/events`, { headers: { accept } });
      }
      await check('GET', '/v1/search', '/v1/search?q=needle&context=1');
      await check('GET', '/v1/search', '/v1/search?q=');
      await check('GET', '/v1/search/facets', '/v1/search/facets?q=needle&tz=Asia/Kolkata');
      await check('GET', '/v1/search/facets', '/v1/search/facets?q=needle&tz=Middle/Earth');
      await check('GET', '/v1/operations', '/v1/operations');
      await check('GET', '/v1/retention', '/v1/retention');
      await check('GET', '/v1/stream', '/v1/stream?after=%00');
      const key = JSON.parse(
        (await check('POST', '/v1/keys', '/v1/keys', body({ name: 'k', scopes: ['read'] }))) as string,
      );
      await check('GET', '/v1/keys', '/v1/keys');
      await check('DELETE', '/v1/keys/{id}', `/v1/keys/${key.id}`);
      await check('DELETE', '/v1/keys/{id}', '/v1/keys/unknown');
      await check('POST', '/v1/purge', '/v1/purge', body({ dry_run: true }));
      await check('POST', '/v1/rebuild', '/v1/rebuild');
      await check('GET', '/v1/rebuild', '/v1/rebuild');
      const all = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      );
      assert.equal(
        all.filter((operation) => !checked.has(operation)),
        [],
      );
    },
    {
      deps: {
        retention: { sweep: async () => ({ executions: 1, outputs: 2, freedBytes: 3 }) },
        rebuild: async (onProgress) => onProgress({ events: 5, totalEvents: 5 }),
      },
    },
  ),
);

OpenApi('the page of the API names every route and loads nothing from elsewhere', () =>
  withApi(async ({ app, call }) => {
    const answer = await call('/docs');
    const html = await answer.text();
    assert.match(answer.headers.get('content-type') ?? '', /text\/html/);
    for (const path of Object.keys(openApiDocument(app, '1').paths)) assert.ok(html.includes(path), path);
    assert.not.match(html, /<script|src=|href="(?!\/(open|async)api\.json")/);
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    const machine = await (await call('/openapi.json')).json();
    assert.ok(machine.paths['/v1/executions/{id}/output']);
    assert.ok(html.includes('href="/asyncapi.json"'), 'the page links the events');
  }),
);

OpenApi('the events are described under the names that their topics have here', () =>
  withApi(
    async ({ call }) => {
      const answer = await call('/asyncapi.json');
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
      const document = await answer.json();
      assert.is(document.asyncapi, '3.0.0');
      assert.is(document.channels.output.address, 'mine.output');
      assert.equal(document, JSON.parse(JSON.stringify(asyncApiDocument('0.0.0', 'mine'))));
      assert.is((await call('/asyncapi.json', { headers: { authorization: '' } })).status, 401);
    },
    { settings: { 'kafka.topicPrefix': 'mine' } },
  ),
);

OpenApi.run();
