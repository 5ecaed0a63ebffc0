/**
 * Which action an event's execution runs, for filters on live events: remembered, else asked of the index.
 */
import type { ExecutionEvent } from '../../events/event.ts';
import type { ApiDeps } from '../deps.ts';
import { settled } from './find-execution.ts';

const REMEMBERED = 10_000;

export function actionOf(
  api: Pick<ApiDeps, 'index' | 'log' | 'projector'>,
): (event: ExecutionEvent) => Promise<string | undefined> {
  const names = new Map<string, string>();
  return async (event) => {
    const id = event.executionId;
    let name = event.type === 'execution.requested' ? event.action.ref : names.get(id);
    if (name === undefined) {
      let document = await api.index.execution(id);
      if (!document && (await settled(api))) document = await api.index.execution(id);
      name = document?.action.ref;
    }
    if (name === undefined) return undefined;
    names.set(id, name);
    if (names.size > REMEMBERED) names.delete(names.keys().next().value as string);
    return name;
  };
}
