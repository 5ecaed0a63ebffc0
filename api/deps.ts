/** Dependencies of the HTTP application: those that the server gives, and those that routes share. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Logger } from 'pino';
import type { Keys } from '../access/keys.ts';
import type { Executions } from '../actors/executions.ts';
import type { Config } from '../config/config.ts';
import type { Activity } from '../events/activity.ts';
import type { Checkpoint, EventLog } from '../events/event-log.ts';
import type { KnownWorker } from '../events/fleet/fleet.ts';
import type { OutputIndex } from '../projections/output-index.ts';
import type { LiveFeed } from './follow/live-feed.ts';
import type { ReadLimiter } from './follow/read-limiter.ts';
import type { TailHub } from './follow/tail-hub.ts';
import type { OpenStreams } from './http/open-streams.ts';
import type { Env } from './http/router.ts';

/** What the API asks of the projector of its own process; absent on a node that has none. */
export interface ProjectorView {
  /** Resolves when everything before the checkpoint can be read and searched; the signal gives up. */
  caughtUp(checkpoint: Checkpoint, signal?: AbortSignal): Promise<unknown>;
  /** Its state, for the operations page. */
  state?(): { status: string; behindMs: number; events: number; deadLetters: number; error?: string };
}

export interface PurgeReport {
  executions: number;
  outputs: number;
  freedBytes: number;
}

export interface Retention {
  /** Sweeps now, by the configured TTLs; a dry run only counts. */
  sweep(options: { dryRun: boolean; signal?: AbortSignal }): Promise<PurgeReport>;
}

export interface RebuildProgress {
  events: number;
  /** The total, when it is known. */
  totalEvents?: number;
}

export interface ApiDeps {
  config: Config;
  log: EventLog;
  index: OutputIndex;
  executions: Executions;
  projector?: ProjectorView | undefined;
  keys: Keys;
  logger: Logger;
  version: string;
  retention?: Retention | undefined;
  /** Re-projects the index from the log; resolves when readers are on the new one. */
  rebuild?:
    | ((onProgress: (progress: RebuildProgress) => void, signal: AbortSignal) => Promise<void>)
    | undefined;
  /** Counts what this process appends, for the operations page. */
  activity?: Activity | undefined;
  /** Workers that are known, for the operations page. */
  workers?: (() => readonly KnownWorker[]) | undefined;
  /** Silence after which an open stream gets a sign of life; the default suits proxies. */
  heartbeatMs?: number | undefined;
  /** Aborted when the server stops: open streams say goodbye and end. */
  closing?: AbortSignal | undefined;
  /** Further routes, mounted before our own: a handler of these may call `next()` to reach our own. */
  extraRoutes?: readonly ((api: Api) => ExtraRoutes)[] | undefined;
}

export interface ExtraRoutes {
  router: OpenAPIHono<Env>;
  /** Paths (as routed, without query) that need no token; Host and Origin are checked all the same. */
  publicPaths?: readonly (string | RegExp)[];
}

/** What routes share. */
export interface Api extends ApiDeps {
  hub: TailHub;
  feed: LiveFeed;
  streams: OpenStreams;
  readLimiter: ReadLimiter;
  /** See FollowDeps. */
  indexedThrough: () => Promise<Checkpoint | undefined>;
}
