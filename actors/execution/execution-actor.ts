/** The actor of one execution: its machine, joined to its process and to its history. */
import type { Logger } from 'pino';
import { type ActorRefFrom, createActor, fromCallback, fromPromise } from 'xstate';
import type { LifecycleEvent } from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { createRecorder, type Recorder } from '../../events/recorder.ts';
import {
  type ExecutionContext,
  type ExecutionMessage,
  executionMachine,
  type Terminate,
} from './execution.machine.ts';
import type { ExecutionProcesses } from './execution-processes.ts';

export interface ExecutionActor {
  send(message: ExecutionMessage): void;
  /** Leaves the process alone. Given a reason, appends nothing more, not even what waits for the log. */
  stop(reason?: Error): void;
}

interface ExecutionActorOptions {
  /** Name of this worker. */
  worker: string;
  log: EventLog;
  processes: ExecutionProcesses;
  logger: Logger;
  /** The end is in the log. */
  onEnd(): void;
}

/**
 * @param history all of its lifecycle, from the request on.
 * @param position of the last event of its history, output included.
 */
export function startExecution(
  options: ExecutionActorOptions,
  history: readonly LifecycleEvent[],
  position: number,
): ExecutionActor {
  const { worker, log, processes, logger } = options;
  const [requested, ...later] = history;
  if (requested?.type !== 'execution.requested') throw new Error('A history begins with execution.requested');
  const { executionId } = requested;
  let stopped = false;
  const recorder = createRecorder({
    log,
    executionId,
    position,
    onRecorded: (event) => actor.send(event as LifecycleEvent),
    onTrouble: (error) =>
      logger.warn({ executionId, err: error }, 'event log unavailable; output is buffered in the spool'),
  });
  const actor: ActorRefFrom<typeof executionMachine> = createActor(
    executionMachine.provide({
      actors: actorsOf(processes, recorder),
      actions: {
        record: (_, event) => {
          recorder.record([event]).catch((error: unknown) => {
            if (!stopped) logger.error({ executionId, err: error }, `${event.type} could not be recorded`);
          });
        },
      },
    }),
    { input: { requested, worker } },
  );
  actor.subscribe({
    complete: () => {
      // Else it was stopped, and its process goes on without us.
      if (actor.getSnapshot().status === 'done') options.onEnd();
    },
    error: (error) => logger.error({ executionId, err: error }, 'an execution actor failed'),
  });
  actor.start();
  for (const event of later) actor.send(event);
  return {
    send: (message) => actor.send(message),
    stop(reason) {
      stopped = true;
      if (reason) recorder.stop(reason);
      actor.stop();
    },
  };
}

function actorsOf(processes: ExecutionProcesses, recorder: Recorder) {
  return {
    launch: fromPromise(
      async ({
        input,
        signal,
      }: {
        input: { requested: ExecutionContext['requested'] };
        signal: AbortSignal;
      }) => {
        // A moment later: while a history is fed in, states are entered and left at once.
        await null;
        signal.throwIfAborted();
        return processes.launch(input.requested);
      },
    ),
    attach: fromCallback<Terminate, { context: ExecutionContext }>(({ input, sendBack, receive }) => {
      const attachment = processes.attach(input.context, recorder, (conclusion) => {
        sendBack({ type: 'ended', conclusion });
      });
      receive((message) => attachment.terminate(message));
      return () => attachment.detach();
    }),
  };
}
