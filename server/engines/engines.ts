/** What stands behind the ports of a server: its event log, its output index and what belongs to them. */
import type { Logger } from 'pino';
import type { KeyStore } from '../../access/key-store.ts';
import type { Config } from '../../config/config.ts';
import type { EventLog } from '../../events/event-log.ts';
import type { DutyFeed, Fleet } from '../../events/fleet/fleet.ts';
import type { Backlog } from '../../events/fleet/in-process.ts';
import type { DeadLetter } from '../../projections/dead-letter.ts';
import type { OutputIndex } from '../../projections/output-index.ts';

export interface EngineOptions {
  config: Config;
  /** Name of this node. */
  name: string;
  logger: Logger;
  /** Gets what must be closed, in the order in which it was opened. */
  stack: AsyncDisposableStack;
  /** An engine of this process has failed for good. */
  onFatal(error: Error): void;
}

export interface Engines {
  log: EventLog;
  index: OutputIndex;
  /** What the projector of this process reads: the whole log, or its share if there are several projectors. */
  projectorLog: EventLog;
  /** The API keys of this server, or of all nodes that share the log. */
  keys: KeyStore;
  /** Keeps a dead letter of the projector. */
  keepDeadLetter(letter: DeadLetter): Promise<void>;
  fleet: Fleet;
  /** A worker opens it. */
  dutyFeed(backlog: Backlog): Promise<DutyFeed>;
  /** Present if several nodes share one log. */
  cluster?: {
    /** Resolves when all projectors together have reached the checkpoint. */
    caughtUp(checkpoint: Awaited<ReturnType<EventLog['end']>>, signal?: AbortSignal): Promise<void>;
  };
}
