/**
 * Admits executions, up to a number at once, and queues the rest in order. Itself an actor; each execution that it
 * admits is one more. Brings those of an earlier life back from the log.
 */

import type { Logger } from 'pino';
import { type ActorRefFrom, createActor, fromCallback, fromPromise } from 'xstate';
import { type ExecutionRequested, isEnd, type LifecycleEvent } from '../events/event.ts';
import { admissionMachine } from './admission.ts';
import {
  type ExecutionContext,
  executionMachine,
  foldExecution,
  statusOf,
  type Terminate,
} from './execution.machine.ts';
import { lifecycleOf } from './lifecycle.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import type { Worker } from './worker.ts';

type ExecutionActor = ActorRefFrom<typeof executionMachine>;

interface Member {
  actor: ExecutionActor;
  recorder: Recorder;
}

export interface Supervisor {
  /** Takes responsibility for a request that is in the log. */
  accept(requested: ExecutionRequested): void;
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

export function createSupervisor(options: { worker: Worker; limit: number; logger: Logger }): Supervisor {
  const { worker, logger } = options;
  const members = new Map<string, Member>();
  /** Their history was read, and they are about to be gone on with. */
  const recovering = new Set<string>();
  let idle: (() => void) | undefined;
  const admission = createActor(
    admissionMachine((requested) => enlist(requested).actor.send({ type: 'admit' })),
    { input: { limit: options.limit } },
  );
  admission.subscribe({ error: (error) => logger.fatal({ err: error }, 'the admission actor failed') });
  admission.start();

  function waitingOf(executionId: string): ExecutionRequested | undefined {
    return admission.getSnapshot().context.waiting.find((requested) => requested.executionId === executionId);
  }

  const owns = (executionId: string) => members.has(executionId) || waitingOf(executionId) !== undefined;

  /** Makes the actor of an execution. Its history, if it has one, is fed in, so that it stands where the log says. */
  function enlist(
    requested: ExecutionRequested,
    history: LifecycleEvent[] = [],
    position = requested.position,
  ): Member {
    const { executionId } = requested;
    const recorder = createRecorder({
      log: worker.log,
      executionId,
      position,
      onRecorded: (event) => actor.send(event as LifecycleEvent),
      onTrouble: (error) =>
        logger.warn({ executionId, err: error }, 'the event log is away; output waits in the spool'),
    });
    const machine = executionMachine.provide({
      actors: {
        // Begun a moment later: while a history is fed in, states are entered and left at once.
        launch: fromPromise(async ({ input, signal }) => {
          await null;
          signal.throwIfAborted();
          return worker.launch(input.requested);
        }),
        attach: fromCallback<Terminate, { context: ExecutionContext }>(({ input, sendBack, receive }) => {
          const attachment = worker.attach(input.context, recorder, (conclusion) => {
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
    const actor = createActor(machine, { input: { requested, worker: worker.name } });
    actor.subscribe({
      complete: () => {
        if (actor.getSnapshot().status !== 'done') return; // stopped: its process goes on without us
        members.delete(executionId);
        worker.forget(executionId);
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

  return {
    accept(requested) {
      admission.send({ type: 'accept', requested });
    },
    cancel(executionId, by) {
      const waiting = waitingOf(executionId);
      if (waiting) {
        admission.send({ type: 'withdraw', executionId });
        enlist(waiting);
      }
      const member = members.get(executionId);
      member?.actor.send({ type: 'cancel', by });
      return member !== undefined;
    },
    async recover(executionId, known) {
      if (owns(executionId)) return true;
      const history = known ?? (await lifecycleOf(worker.log, executionId));
      // Meanwhile it may have been accepted.
      if (owns(executionId)) return true;
      const [requested] = history;
      if (requested?.type !== 'execution.requested') return false;
      const status = statusOf(foldExecution(history));
      if (isEnd(status)) {
        // Given up by the others while this worker was away: nobody waits for its process any more.
        if (status === 'abandoned') await worker.kill(executionId);
        worker.forget(executionId);
        return false;
      }
      if (status === 'requested') {
        admission.send({ type: 'accept', requested });
        return true;
      }
      recovering.add(executionId);
      // Before it has started it has printed nothing, and its lifecycle is all there is.
      const started = history.some(({ type }) => type === 'execution.started');
      const last = started ? (await worker.log.head(executionId))?.position : history.at(-1)?.position;
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
          if (member) {
            members.delete(executionId);
            member.recorder.stop(new Error('fenced: another worker has abandoned this execution'));
            member.actor.stop();
            admission.send({ type: 'ended', executionId });
          }
          await worker.kill(executionId);
          worker.forget(executionId);
        }),
      );
    },
    load() {
      const { waiting, admitted, limit } = admission.getSnapshot().context;
      return { running: admitted.size, queued: waiting.length, limit };
    },
    owns,
    async stop(how) {
      admission.send({ type: 'close' });
      if (how === 'end' && members.size > 0) {
        const finished = new Promise<void>((resolve) => {
          idle = resolve;
        });
        for (const { actor } of members.values())
          actor.send({ type: 'cancel', by: 'the shutdown of the server' });
        await finished;
      }
      for (const { actor } of members.values()) actor.stop();
      members.clear();
      admission.stop();
      worker.close();
    },
  };
}
