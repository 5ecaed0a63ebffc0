/**
 * One execution as a state machine. Its states are the status words, and it moves between them only when the event
 * that says so is in the log: running live and folding a recorded history take the same transitions. No I/O here; the
 * supervisor provides the actors and the recording.
 */
import {
  assign,
  fromCallback,
  fromPromise,
  initialTransition,
  type SnapshotFrom,
  setup,
  transition,
} from 'xstate';
import type { ExecutionRequested, LifecycleEvent, Status, Unrecorded } from '../../events/event.ts';
import { type Conclusion, ending, failedToStart, type Launched, started } from './machine-events.ts';

/** Why we ended the process ourselves; the first cause wins. */
type Cause = 'canceled' | 'timeout' | 'output-limit';

export interface ExecutionContext {
  requested: ExecutionRequested;
  startedAt: number | undefined;
  /** The worker that runs it. */
  worker: string;
  /** Set when a cancellation was asked for before it could be acted on. */
  cancelBy: string | undefined;
  /** A record that must not be made twice is on its way to the log. */
  recording: 'canceled' | 'end' | undefined;
}

/** What the machine is told besides the events of its history. */
export type ExecutionMessage = { type: 'cancel'; by: string } | { type: 'ended'; conclusion: Conclusion };

type ExecutionMachineEvent = LifecycleEvent | ExecutionMessage;

/** Tells the attachment to end the process group. */
export interface Terminate {
  type: 'terminate';
  cause: Cause;
}

function notProvided(what: string): never {
  throw new Error(`${what} is not provided`);
}

export const executionMachine = setup({
  types: {
    context: {} as ExecutionContext,
    events: {} as ExecutionMachineEvent,
    input: {} as { requested: ExecutionRequested; worker: string },
  },
  actors: {
    /** Starts the process, or finds the one that was started before. */
    launch: fromPromise<Launched, { requested: ExecutionRequested }>(() => notProvided('launch')),
    /** Carries output and waits for the end; sends `ended`. */
    attach: fromCallback<Terminate, { context: ExecutionContext }>(() => notProvided('attach')),
  },
  actions: {
    /** Appends to the execution's stream; the machine hears of it when it is in the log. */
    record: (_, _event: Unrecorded<LifecycleEvent>) => notProvided('record'),
  },
  guards: {
    idle: ({ context }) => context.recording === undefined,
    withStatus: ({ event }, status: Status) =>
      event.type === 'execution.completed' && event.status === status,
  },
}).createMachine({
  id: 'execution',
  context: ({ input }) => ({
    requested: input.requested,
    worker: input.worker,
    startedAt: undefined,
    cancelBy: undefined,
    recording: undefined,
  }),
  initial: 'requested',
  on: {
    'execution.completed': [
      { guard: { type: 'withStatus', params: 'succeeded' }, target: '.succeeded' },
      { guard: { type: 'withStatus', params: 'failed' }, target: '.failed' },
      { guard: { type: 'withStatus', params: 'timeout' }, target: '.timeout' },
      { guard: { type: 'withStatus', params: 'canceled' }, target: '.canceled' },
    ],
    'execution.abandoned': '.abandoned',
  },
  states: {
    requested: { on: { 'execution.scheduled': 'scheduled' } },
    scheduled: {
      invoke: {
        src: 'launch',
        input: ({ context }) => ({ requested: context.requested }),
        onDone: { actions: { type: 'record', params: ({ event }) => started(event.output) } },
        onError: { actions: { type: 'record', params: ({ event }) => failedToStart(event.error) } },
      },
      on: {
        cancel: { actions: assign({ cancelBy: ({ event }) => event.by }) },
        'execution.started': { target: 'alive', actions: assign({ startedAt: ({ event }) => event.at }) },
      },
    },
    alive: {
      invoke: { id: 'attachment', src: 'attach', input: ({ context }) => ({ context }) },
      on: {
        ended: {
          actions: [
            // A cancellation is too late now: it would be recorded after the end.
            assign({ recording: 'end' }),
            { type: 'record', params: ({ context, event }) => ending(event.conclusion, context.worker) },
          ],
        },
      },
      initial: 'running',
      states: {
        running: {
          entry: ({ context, self }) => {
            if (context.cancelBy !== undefined) self.send({ type: 'cancel', by: context.cancelBy });
          },
          on: {
            cancel: {
              guard: 'idle',
              actions: [
                assign({ recording: 'canceled' }),
                {
                  type: 'record',
                  params: ({ event }) => ({ type: 'execution.cancel_requested', by: event.by }),
                },
              ],
            },
            'execution.cancel_requested': 'canceling',
          },
        },
        canceling: { entry: ({ self }) => terminate(self) },
      },
    },
    succeeded: { type: 'final' },
    failed: { type: 'final' },
    timeout: { type: 'final' },
    canceled: { type: 'final' },
    abandoned: { type: 'final' },
  },
});

type ExecutionSnapshot = SnapshotFrom<typeof executionMachine>;

function terminate(self: { getSnapshot(): unknown }): void {
  const { children } = self.getSnapshot() as ExecutionSnapshot;
  (children.attachment as { send(message: Terminate): void } | undefined)?.send({
    type: 'terminate',
    cause: 'canceled',
  });
}

/** The status word of a state. */
export function statusOf(snapshot: ExecutionSnapshot): Status {
  const value = snapshot.value;
  return (typeof value === 'string' ? value : value.alive) as Status;
}

/**
 * Folds a recorded history through the machine without running anything.
 * @throws Error when the history does not begin with `execution.requested`.
 */
export function foldExecution(history: readonly LifecycleEvent[]): ExecutionSnapshot {
  const [requested, ...rest] = history;
  if (requested?.type !== 'execution.requested') throw new Error('A history begins with execution.requested');
  let [snapshot] = initialTransition(executionMachine, { requested, worker: '' });
  for (const event of rest) [snapshot] = transition(executionMachine, snapshot, event);
  return snapshot;
}
