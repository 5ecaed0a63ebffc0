/**
 * Events as clients get them: the wire form with its type, without what is only for workers (sealed secrets) and
 * without our own book-keeping.
 */
import { toWire } from '../../events/codec.ts';
import type { ExecutionEvent } from '../../events/event.ts';
import type { EventJson } from '../../wire/event.ts';
import { IDEMPOTENCY_DIGEST } from './execution-view.ts';

export function publicWire(event: ExecutionEvent): EventJson {
  const wire = { type: event.type, ...toWire(event) };
  if (event.type !== 'execution.requested') return wire as unknown as EventJson;
  const { sealed, idempotency_key, context, ...rest } = wire as Record<string, unknown>;
  void sealed;
  void idempotency_key;
  const { [IDEMPOTENCY_DIGEST]: digest, ...others } = (context ?? {}) as Record<string, unknown>;
  void digest;
  const shown = Object.keys(others).length > 0 ? { ...rest, context: others } : rest;
  return shown as unknown as EventJson;
}
