/**
 * Admits executions, up to a number at once, and queues the rest in order. Itself an actor; each execution that it
 * admits is one more. Brings those of an earlier life back from the log.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type ActorRefFrom, createActor, fromCallback, fromPromise } from 'xstate';
import {
  type ExecutionEvent,
  type ExecutionRequested,
  isEnd,
  type LifecycleEvent,
} from '../../events/event.ts';
import type { EventLog } from '../../events/event-log.ts';
import { createRecorder, type Recorder } from '../../events/recorder.ts';
import { ServiceError } from '../../lib/errors.ts';
import {
  type ExecutionContext,
  executionMachine,
  foldExecution,
  statusOf,
  type Terminate,
  withdrawn,
} from '../execution/execution.machine.ts';
import type { ExecutionProcesses } from '../execution/execution-processes.ts';
import { lifecycleOf } from '../execution/lifecycle.ts';
import { admissionMachine } from './admission.ts';

type ExecutionActor = ActorRefFrom<typeof executionMachine>;

/** A request is the first event of its stream. */
const REQUEST_POSITION = 0;
const READ_RETRY_MS = 500;

interface Member {
  actor: ExecutionActor;
  recorder: Recorder;
}

export interface Supervisor {
  /** Takes responsibility for a request that is in the log. */
  accept(requested: ExecutionRequested): void;
  /** The same for one that no worker has begun. Its request is read from the log when it may run. */
  enqueue(executionId: string): void;
  /** @returns false when the execution is not this supervisor's. */
  cancel(executionId: string, by: string): boolean;
  /**
   * Goes on with an unfinished execution, of an earlier life or handed to this worker. Without its history, which must be
   * whole, it is read from the log.
   * @returns false when its history shows an end.
   */
  recover(executionId: string, history?: readonly LifecycleEvent[]): Promise<boolean>;
  /** Appends nothing more for these, ends their processes and forgets them: another worker has abandoned them. */
  fence(executionIds: readonly string[]): Promise<void>;
  load(): { running: number; queued: number; limit: number };
  owns(executionId: string): boolean;
  /** Takes no new work; `leave` lets the processes go on for the next life, `end` terminates them first. */
  stop(how: 'leave' | 'end'): Promise<void>;
}

export function createSupervisor(options: {
  /** Name of this worker. */
  name: string;
  log: EventLog;
  processes: ExecutionProcesses;
  limit: number;
  logger: Logger;
}): Supervisor {
  const { log, processes, logger } = options;
  const members = new Map<string, Member>();
  /** Their history was read, and they are about to be gone on with. */
  const recovering = new Set<string>();
  /** Admitted, while their request is read from the log; `cancelBy` is who does not want it any more. */
  const arriving = new Map<string, { cancelBy?: string }>();
  /** Canceled while they waited, until that is in the log. */
  const withdrawing = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let idle: (() => void) | undefined;
  const admission = createActor(
    admissionMachine((executionId, requested) => {
      if (requested) begin(requested);
      else void fetchAndBegin(executionId);
    }),
    { input: { limit: options.limit } },
  );
  admission.subscribe({ error: (error) => logger.fatal({ err: error }, 'the admission actor failed') });
  admission.start();

  const waits = (executionId: string) => admission.getSnapshot().context.waiting.has(executionId);
  const owns = (executionId: string) =>
    members.has(executionId) ||
    arriving.has(executionId) ||
    withdrawing.has(executionId) ||
    waits(executionId);

  function recorderOf(
    executionId: string,
    position: number,
    onRecorded: (event: ExecutionEvent) => void = () => {},
  ): Recorder {
    return createRecorder({
      log,
      executionId,
      position,
      onRecorded,
      onTrouble: (error) =>
        logger.warn({ executionId, err: error }, 'the event log is away; output waits in the spool'),
    });
  }

  /** Makes the actor of an execution. Its history, if it has one, is fed in, so that it stands where the log says. */
  function enlist(
    requested: ExecutionRequested,
    history: LifecycleEvent[] = [],
    position = requested.position,
  ): Member {
    const { executionId } = requested;
    const recorder = recorderOf(executionId, position, (event) => actor.send(event as LifecycleEvent));
    const machine = executionMachine.provide({
      actors: {
        // Begun a moment later: while a history is fed in, states are entered and left at once.
        launch: fromPromise(async ({ input, signal }) => {
          await null;
          signal.throwIfAborted();
          return processes.launch(input.requested);
        }),
        attach: fromCallback<Terminate, { context: ExecutionContext }>(({ input, sendBack, receive }) => {
          const attachment = processes.attach(input.context, recorder, (conclusion) => {
            sendBack({ type: 'ended', conclusion });
          });
          receive((message) => attachment.terminate(message));
          return () => attachment.detach();
        }),
      },
      actions: {
        record: (_, event) => {
          recorder.record([event]).catch((error: unknown) => {
            if (members.has(executionId))
              logger.error({ executionId, err: error }, `${event.type} could not be recorded`);
          });
        },
      },
    });
    const actor = createActor(machine, { input: { requested, worker: options.name } });
    actor.subscribe({
      complete: () => {
        if (actor.getSnapshot().status !== 'done') return; // stopped: its process goes on without us
        members.delete(executionId);
        processes.forget(executionId);
        admission.send({ type: 'ended', executionId });
        if (members.size === 0) idle?.();
      },
      error: (error) => logger.error({ executionId, err: error }, 'an execution actor failed'),
    });
    const member = { actor, recorder };
    members.set(executionId, member);
    actor.start();
    for (const event of history) actor.send(event);
    return member;
  }

  function begin(requested: ExecutionRequested, cancelBy?: string): void {
    const { actor } = enlist(requested);
    actor.send(cancelBy === undefined ? { type: 'admit' } : { type: 'cancel', by: cancelBy });
  }

  /** Begins an admitted execution whose request is in the log alone. */
  async function fetchAndBegin(executionId: string): Promise<void> {
    const arrival: { cancelBy?: string } = {};
    arriving.set(executionId, arrival);
    const history = await historyOf(executionId).catch((error: unknown) => {
      if (!stopping.signal.aborted)
        logger.error(
          { executionId, err: error },
          'the request could not be read; it waits for the next start',
        );
      return [];
    });
    // Fenced or stopped meanwhile.
    if (arriving.get(executionId) !== arrival) return;
    arriving.delete(executionId);
    const [requested] = history;
    if (requested?.type === 'execution.requested' && history.length === 1) {
      begin(requested, arrival.cancelBy);
      return;
    }
    // It did not wait any more.
    admission.send({ type: 'ended', executionId });
    await supervisor.recover(executionId, history);
    if (arrival.cancelBy !== undefined) supervisor.cancel(executionId, arrival.cancelBy);
  }

  async function historyOf(executionId: string): Promise<LifecycleEvent[]> {
    for (;;) {
      try {
        return await lifecycleOf(log, executionId);
      } catch (error) {
        if (!(error instanceof ServiceError && error.retriable)) throw error;
        logger.warn({ executionId, err: error }, 'the request could not be read yet');
        await sleep(READ_RETRY_MS, undefined, { signal: stopping.signal });
      }
    }
  }

  /** Ends an execution that waits. Its request is not needed for that. */
  function withdraw(executionId: string, by: string): void {
    admission.send({ type: 'withdraw', executionId });
    const recorded = recorderOf(executionId, REQUEST_POSITION)
      .record([withdrawn(by)])
      .catch((error: unknown) =>
        logger.error({ executionId, err: error }, 'the cancellation could not be recorded'),
      )
      .finally(() => withdrawing.delete(executionId));
    withdrawing.set(executionId, recorded);
  }

  const supervisor: Supervisor = {
    accept(requested) {
      admission.send({ type: 'accept', executionId: requested.executionId, requested });
    },
    enqueue(executionId) {
      if (!owns(executionId)) admission.send({ type: 'accept', executionId });
    },
    cancel(executionId, by) {
      const arrival = arriving.get(executionId);
      if (arrival) arrival.cancelBy ??= by;
      else if (waits(executionId)) withdraw(executionId, by);
      else members.get(executionId)?.actor.send({ type: 'cancel', by });
      return owns(executionId);
    },
    async recover(executionId, known) {
      if (owns(executionId)) return true;
      const history = known ?? (await lifecycleOf(log, executionId));
      // Meanwhile it may have been accepted.
      if (owns(executionId)) return true;
      const [requested] = history;
      if (requested?.type !== 'execution.requested') return false;
      const status = statusOf(foldExecution(history));
      if (isEnd(status)) {
        // Given up by the others while this worker was away: nobody waits for its process any more.
        if (status === 'abandoned') await processes.kill(executionId);
        processes.forget(executionId);
        return false;
      }
      if (status === 'requested') {
        admission.send({ type: 'accept', executionId, requested });
        return true;
      }
      recovering.add(executionId);
      // Before it has started it has printed nothing, and its lifecycle is all there is.
      const started = history.some(({ type }) => type === 'execution.started');
      const last = started ? (await log.head(executionId))?.position : history.at(-1)?.position;
      // Meanwhile it may have been accepted, or abandoned.
      const unfenced = recovering.delete(executionId);
      if (owns(executionId)) return true;
      if (!unfenced) return false;
      admission.send({ type: 'adopt', executionId });
      enlist(requested, history.slice(1), last);
      return true;
    },
    async fence(executionIds) {
      await Promise.all(
        executionIds.map(async (executionId) => {
          const member = members.get(executionId);
          recovering.delete(executionId);
          if (arriving.delete(executionId)) admission.send({ type: 'ended', executionId });
          if (member) {
            members.delete(executionId);
            member.recorder.stop(new Error('fenced: another worker has abandoned this execution'));
            member.actor.stop();
            admission.send({ type: 'ended', executionId });
          }
          await processes.kill(executionId);
          processes.forget(executionId);
        }),
      );
    },
    load() {
      const { waiting, admitted, limit } = admission.getSnapshot().context;
      return { running: admitted.size, queued: waiting.size, limit };
    },
    owns,
    async stop(how) {
      admission.send({ type: 'close' });
      stopping.abort();
      arriving.clear();
      if (how === 'end' && members.size > 0) {
        const finished = new Promise<void>((resolve) => {
          idle = resolve;
        });
        for (const { actor } of members.values())
          actor.send({ type: 'cancel', by: 'the shutdown of the server' });
        await finished;
      }
      if (how === 'end') await Promise.all(withdrawing.values());
      for (const { actor } of members.values()) actor.stop();
      members.clear();
      admission.stop();
      processes.close();
    },
  };
  return supervisor;
}
