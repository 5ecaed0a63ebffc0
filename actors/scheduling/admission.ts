/** Which executions may run now: up to a number at once, the rest in order. */
import { setup } from 'xstate';
import type { ExecutionRequested } from '../../events/event.ts';

interface Admission {
  limit: number;
  /** Ids in order. Their requests stay in the log: all that wait can be far larger than the memory. */
  waiting: Set<string>;
  admitted: Set<string>;
}

type AdmissionEvent =
  | { type: 'accept'; executionId: string; requested?: ExecutionRequested | undefined }
  | { type: 'adopt'; executionId: string }
  | { type: 'ended'; executionId: string }
  | { type: 'withdraw'; executionId: string }
  | { type: 'close' };

/**
 * Both sets are owned by this actor and changed in place: they can be long.
 * @param admit gets the request as well when the execution did not have to wait.
 */
export function admissionMachine(
  admit: (executionId: string, requested: ExecutionRequested | undefined) => void,
) {
  return setup({
    types: { context: {} as Admission, events: {} as AdmissionEvent, input: {} as { limit: number } },
    actions: {
      enqueue: ({ context, event }) => {
        if (event.type === 'accept') context.waiting.add(event.executionId);
      },
      adopt: ({ context, event }) => {
        if (event.type === 'adopt') context.admitted.add(event.executionId);
      },
      release: ({ context, event }) => {
        if (event.type === 'ended') context.admitted.delete(event.executionId);
      },
      withdraw: ({ context, event }) => {
        if (event.type === 'withdraw') context.waiting.delete(event.executionId);
      },
      admitNext: ({ context, event }) => {
        for (const executionId of context.waiting) {
          if (context.admitted.size >= context.limit) return;
          context.waiting.delete(executionId);
          context.admitted.add(executionId);
          const isNew = event.type === 'accept' && event.executionId === executionId;
          admit(executionId, isNew ? event.requested : undefined);
        }
      },
    },
  }).createMachine({
    id: 'admission',
    context: ({ input }) => ({ limit: input.limit, waiting: new Set(), admitted: new Set() }),
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
