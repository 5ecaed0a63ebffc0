/** Corners of StackStorm's execution routes that our own API has no other use for. */

import { isEnd } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import type { Api } from '../deps.ts';
import { executionJson, resultTexts } from '../executions/execution-view.ts';
import { findExecution } from '../executions/find-execution.ts';
import { requires } from '../http/authentication.ts';
import { createRouter } from '../http/router.ts';

function bad(message: string): ServiceError {
  return new ServiceError('validation-failed', message);
}

export function st2ExecutionRoutes(api: Api) {
  const router = createRouter();
  const { executions, index } = api;

  router.put('/v1/executions/:id', requires('execute'), async (c) => {
    const document = await findExecution(api, c.req.param('id'), { fresh: true });
    const body = (await c.req.json().catch(() => ({}))) as { status?: unknown };
    if (isEnd(document.status)) throw bad('Execution is already in completed state.');
    if (body.status === 'canceled' || body.status === 'canceling') {
      await executions.cancel(document.id, c.get('identity').name);
      return c.json(executionJson(await findExecution(api, document.id, { fresh: true })));
    }
    if (['pausing', 'paused', 'resuming'].includes(String(body.status))) {
      const what = body.status === 'resuming' ? 'resume' : 'pause';
      throw bad(
        `Failed to ${what} execution ${document.id}. The ${what} operation is not supported by the "${document.action.runner}" runner.`,
      );
    }
    throw bad('status must be "canceled": nothing else about an execution can be changed');
  });

  router.get('/v1/executions/:id/children', requires('read'), async (c) => {
    await findExecution(api, c.req.param('id'));
    return c.json([]);
  });

  router.get('/v1/executions/:id/attribute/:name', requires('read'), async (c) => {
    const name = c.req.param('name');
    if (!['result', 'status', 'trigger_instance'].includes(name)) throw bad(`Invalid attribute "${name}"`);
    const document = await findExecution(api, c.req.param('id'), { fresh: true });
    if (name === 'status') return c.json(document.status);
    if (name === 'trigger_instance') return c.json(null);
    return c.json(executionJson(document, await resultTexts(index, document)).result ?? null);
  });

  router.get('/v1/executions/:id/result', requires('read'), async (c) => {
    const document = await findExecution(api, c.req.param('id'), { fresh: true });
    const { result = {} } = executionJson(document, await resultTexts(index, document));
    const pretty = /^(1|true|yes)$/i.test(c.req.query('pretty_format') ?? '');
    return c.body(JSON.stringify(result, null, pretty ? 2 : undefined), 200, {
      'Content-Type': 'text/json',
      ...(c.req.query('download')
        ? { 'Content-Disposition': `attachment; filename="execution_${document.id}_result.json"` }
        : {}),
    });
  });
  return router;
}
