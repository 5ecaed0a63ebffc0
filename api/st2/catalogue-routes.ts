/** The catalogue: actions, runner types and packs, for StackStorm's client and our own. */
import { createHash } from 'node:crypto';
import { createRoute, z } from '@hono/zod-openapi';
import type { ActionDescription, RunnerDescription } from '../../catalogue/descriptions.ts';
import type { ParameterSchema } from '../../catalogue/runner.ts';
import { ServiceError } from '../../lib/errors.ts';
import {
  ActionAttributesSchema,
  type ActionJson,
  ActionSchema,
  RunnerAttributesSchema,
  type RunnerJson,
  RunnerSchema,
} from '../../wire/catalogue.ts';
import type { Api } from '../deps.ts';
import { selectAttributes } from '../executions/execution-view.ts';
import { requires } from '../http/authentication.ts';
import { type ApiContext, createRouter } from '../http/router.ts';
import { answers, integerQuery, listQuery } from '../http/schemas.ts';

const MASK = '********';

/** A stable id for a name: 24 hex digits. */
function idOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 24);
}

/** A default of a secret parameter is a secret. */
function shown(parameters: Record<string, ParameterSchema>): Record<string, ParameterSchema> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, schema]) => [
      name,
      schema?.secret && schema.default !== undefined ? { ...schema, default: MASK } : schema,
    ]),
  );
}

function actionJson(action: ActionDescription): ActionJson {
  const { id, ref, pack, name, description, enabled, broken } = action;
  return {
    id,
    uid: `action:${pack}:${name}`,
    ref,
    pack,
    name,
    description,
    enabled,
    runner_type: action.runner,
    entry_point: action.entryPoint,
    parameters: shown(action.parameters),
    tags: action.tags ?? [],
    notify: {},
    ...(broken === undefined ? {} : { broken }),
  };
}

function runnerJson({ name, description, parameters }: RunnerDescription): RunnerJson {
  return {
    id: idOf(`runner:${name}`),
    uid: `runner_type:${name}`,
    name,
    description,
    enabled: true,
    runner_package: name,
    runner_module: name,
    runner_parameters: shown(parameters),
  };
}

const View = z.object({
  limit: integerQuery('limit', { min: -1 }),
  offset: integerQuery('offset'),
  include_attributes: listQuery(),
});

function page<T extends { id: string }>(c: ApiContext, all: readonly T[], query: z.output<typeof View>) {
  const { limit = -1, offset = 0, include_attributes: include } = query;
  c.header('X-Total-Count', String(all.length));
  const some = all.slice(offset, limit > 0 ? offset + limit : undefined);
  return c.json(
    some.map((one) => selectAttributes(one, include)),
    200,
  );
}

const Ref = z.object({
  ref: z
    .string()
    .min(1)
    .max(300)
    .openapi({ param: { name: 'ref', in: 'path' }, example: 'core.local' }),
});

const listActionsRoute = createRoute({
  method: 'get',
  path: '/v1/actions',
  tags: ['Catalogue'],
  summary: 'Actions, by reference',
  middleware: [requires('read')] as const,
  request: {
    query: View.extend({ pack: z.string().max(100).optional(), name: z.string().max(200).optional() }),
  },
  responses: answers(z.array(ActionAttributesSchema), 'Actions'),
});

const readActionRoute = createRoute({
  method: 'get',
  path: '/v1/actions/{ref}',
  tags: ['Catalogue'],
  summary: 'One action, by reference or id',
  middleware: [requires('read')] as const,
  request: { params: Ref },
  responses: answers(ActionSchema, 'The action'),
});

const listRunnersRoute = createRoute({
  method: 'get',
  path: '/v1/runnertypes',
  tags: ['Catalogue'],
  summary: 'Runners and the parameters that all their actions take',
  middleware: [requires('read')] as const,
  request: { query: View.extend({ name: z.string().max(100).optional() }) },
  responses: answers(z.array(RunnerAttributesSchema), 'Runners'),
});

const readRunnerRoute = createRoute({
  method: 'get',
  path: '/v1/runnertypes/{ref}',
  tags: ['Catalogue'],
  summary: 'One runner, by name or id',
  middleware: [requires('read')] as const,
  request: { params: Ref },
  responses: answers(RunnerSchema, 'The runner'),
});

export function catalogueRoutes({ executions }: Api) {
  const router = createRouter();

  async function find(ref: string): Promise<ActionDescription> {
    const action = await executions.action(ref);
    if (!action) throw new ServiceError('not-found', `Resource with a reference or id "${ref}" not found`);
    return action;
  }

  router.openapi(listActionsRoute, async (c) => {
    const query = c.req.valid('query');
    const all = (await executions.actions()).filter(
      ({ pack, name }) => (!query.pack || pack === query.pack) && (!query.name || name === query.name),
    );
    return page(c, all.map(actionJson), query);
  });

  router.openapi(readActionRoute, async (c) => c.json(actionJson(await find(c.req.valid('param').ref)), 200));

  router.openapi(listRunnersRoute, (c) => {
    const query = c.req.valid('query');
    const all = executions.runners().filter(({ name }) => !query.name || name === query.name);
    return page(c, all.map(runnerJson), query);
  });

  router.openapi(readRunnerRoute, (c) => {
    const { ref } = c.req.valid('param');
    const found = executions
      .runners()
      .map(runnerJson)
      .find(({ name, id }) => name === ref || id === ref);
    if (!found) throw new ServiceError('not-found', `Resource with a name or id "${ref}" not found`);
    return c.json(found, 200);
  });

  router.get('/v1/actions/views/overview', requires('read'), async (c) =>
    page(c, (await executions.actions()).map(actionJson), {} as z.output<typeof View>),
  );
  router.get('/v1/actions/views/parameters/:ref', requires('read'), async (c) => {
    const action = await find(c.req.param('ref'));
    const runner = executions.runners().find(({ name }) => name === action.runner);
    return c.json({ parameters: { ...shown(runner?.parameters ?? {}), ...shown(action.parameters) } });
  });
  router.get('/v1/packs', requires('read'), async (c) => {
    const names = [...new Set((await executions.actions()).map(({ pack }) => pack))];
    const packs = names.map((name) => ({ id: idOf(`pack:${name}`), ref: name, name, description: '' }));
    return page(c, packs, {} as z.output<typeof View>);
  });
  return router;
}
