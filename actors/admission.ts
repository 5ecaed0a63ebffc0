/** Which executions may run now: up to a number at once, the rest in order. */
import { assign, setup } from 'xstate';
import type { ExecutionRequested } from '../events/event.ts';

interface Admission {
  limit: number;
  waiting: ExecutionRequested[];
  admitted: Set<string>;
}

type AdmissionEvent =
  | { type: 'accept'; requested: ExecutionRequested }
  | { type: 'adopt'; executionId: string }
  | { type: 'ended'; executionId: string }
  | { type: 'withdraw'; executionId: string }
  | { type: 'close' };

/** The set and the queue are owned by this actor and changed in place: both can be long. */
export function admissionMachine(admit: (requested: ExecutionRequested) => void) {
  return setup({
    types: { context: {} as Admission, events: {} as AdmissionEvent, input: {} as { limit: number } },
    actions: {
      enqueue: ({ context, event }) => {
        if (event.type === 'accept') context.waiting.push(event.requested);
      },
      adopt: ({ context, event }) => {
        if (event.type === 'adopt') context.admitted.add(event.executionId);
      },
      release: ({ context, event }) => {
        if (event.type === 'ended') context.admitted.delete(event.executionId);
      },
      withdraw: assign(({ context, event }) =>
        event.type === 'withdraw'
          ? { waiting: context.waiting.filter(({ executionId }) => executionId !== event.executionId) }
          : {},
      ),
      admitNext: ({ context }) => {
        while (context.waiting.length > 0 && context.admitted.size < context.limit) {
          const requested = context.waiting.shift() as ExecutionRequested;
          context.admitted.add(requested.executionId);
          admit(requested);
        }
      },
    },
  }).createMachine({
    id: 'admission',
    context: ({ input }) => ({ limit: input.limit, waiting: [], admitted: new Set() }),
    initial: 'open',
    states: {
      open: {
        on: {
          accept: { actions: ['enqueue', 'admitNext'] },
          adopt: { actions: 'adopt' },
          ended: { actions: ['release', 'admitNext'] },
          withdraw: { actions: 'withdraw' },
          close: 'closed',
        },
      },
      closed: { on: { ended: { actions: 'release' } } },
    },
  });
}
