/** Events as clients get them: the wire form with the type in it, without what is only for workers. */
import { z } from 'zod';
import { EVENT_SCHEMAS } from '../events/codec.ts';

const own = EVENT_SCHEMAS;

const EventSchema = z
  .discriminatedUnion('type', [
    own['execution.requested']
      .omit({ sealed: true, idempotency_key: true })
      .extend({ type: z.literal('execution.requested') }),
    own['execution.scheduled'].extend({ type: z.literal('execution.scheduled') }),
    own['execution.started'].extend({ type: z.literal('execution.started') }),
    own['execution.cancel_requested'].extend({ type: z.literal('execution.cancel_requested') }),
    own['execution.completed'].extend({ type: z.literal('execution.completed') }),
    own['execution.abandoned'].extend({ type: z.literal('execution.abandoned') }),
    own['output.appended'].extend({ type: z.literal('output.appended') }),
  ])
  .meta({ id: 'Event' });
export type EventJson = z.infer<typeof EventSchema>;
