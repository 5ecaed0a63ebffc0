/**
 * Membership of a consumer group without its reading: the group shares out partitions and keeps offsets, while
 * partition-reader.ts reads. Speaks the group protocol itself, because kafkajs' consumer comes back to a broker that
 * was away as a stranger, and the group then waits until its old self has timed out.
 */
import { createRequire } from 'node:module';
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import { createBackoff } from '../../lib/backoff.ts';
import type { Cluster, Coordinator } from './cluster.ts';
import type { KafkaEventLog } from './event-log.ts';
import type { Offsets } from './offsets.ts';

export interface Membership {
  /** Partitions that are this member's now; undefined while the group is being shared out. */
  assigned(): number[] | undefined;
  /** Resolves at the next change of the assignment, or when aborted. */
  changed(signal: AbortSignal): Promise<void>;
  /** Where the group's previous members had come to; 0 is the beginning. */
  committed(partitions: number[]): Promise<Map<number, Offsets>>;
  commit(places: Map<number, Offsets>): Promise<void>;
  leave(): Promise<void>;
}

const PROTOCOL = 'LinefeedSamePartitions';
/** A member that is silent for this long loses its partitions to the others. */
const SESSION_MS = 10_000;
const HEARTBEAT_MS = 500;
/** How long the others wait for a member that has heard of a new sharing out but does not come. */
const REJOIN_MS = 20_000;
const RETRY = { firstMs: 50, longestMs: 1000 };
const LEAVE_MS = 2000;

interface AssignerProtocol {
  MemberAssignment: {
    encode(value: { version: number; assignment: Record<string, number[]> }): Buffer;
    decode(value: Buffer): { assignment: Record<string, number[]> } | null;
  };
  MemberMetadata: { encode(value: { version: number; topics: string[] }): Buffer };
}
const { MemberAssignment, MemberMetadata } = createRequire(import.meta.url)('kafkajs')
  .AssignerProtocol as AssignerProtocol;

/** Gives a member the same partition numbers of every topic. */
function shareOut(cluster: Cluster, topics: string[], memberIds: string[]) {
  const ids = [...memberIds].sort();
  const shares = new Map<string, Record<string, number[]>>(ids.map((id) => [id, {}]));
  for (const topic of topics) {
    for (const { partitionId } of cluster.findTopicPartitionMetadata(topic)) {
      const share = shares.get(ids[partitionId % ids.length] as string) as Record<string, number[]>;
      share[topic] = [...(share[topic] ?? []), partitionId];
    }
  }
  return [...shares].map(([memberId, assignment]) => ({
    memberId,
    memberAssignment: MemberAssignment.encode({ version: 1, assignment }),
  }));
}

export async function joinGroup(
  log: Pick<KafkaEventLog, 'client' | 'topics'>,
  groupId: string,
): Promise<Membership> {
  const { client, topics } = log;
  const both = [topics.executions, topics.output];
  const leaving = new AbortController();
  const waiting = new Set<() => void>();
  let memberId = '';
  /** Of the last sharing out that this member took part in; undefined when it must join. */
  let generationId: number | undefined;
  let mine: number[] = [];
  let assigned: number[] | undefined;
  let coordinator: Coordinator | undefined;
  let heardAt = Number.NEGATIVE_INFINITY;
  const startedAt = performance.now();
  let left = false;

  const change = (to: number[] | undefined) => {
    if (assigned === to || (left && to)) return;
    assigned = to;
    for (const wake of waiting) wake();
    waiting.clear();
  };

  async function join(cluster: Cluster, broker: Coordinator): Promise<void> {
    const answer = await broker.joinGroup({
      groupId,
      sessionTimeout: SESSION_MS,
      rebalanceTimeout: REJOIN_MS,
      memberId,
      groupProtocols: [{ name: PROTOCOL, metadata: MemberMetadata.encode({ version: 1, topics: both }) }],
    });
    memberId = answer.memberId;
    const leads = answer.leaderId === memberId;
    if (leads) await cluster.refreshMetadata();
    const { memberAssignment } = await broker.syncGroup({
      groupId,
      generationId: answer.generationId,
      memberId,
      groupAssignment: leads
        ? shareOut(
            cluster,
            both,
            answer.members.map((member) => member.memberId),
          )
        : [],
    });
    const { assignment = {} } = MemberAssignment.decode(memberAssignment) ?? {};
    generationId = answer.generationId;
    mine = [...(assignment[topics.executions] ?? [])].sort((a, b) => a - b);
  }

  /** Joins where it must, then says every now and then that it is there; until something fails. */
  async function stay(cluster: Cluster, broker: Coordinator, onSettled: () => void): Promise<never> {
    for (;;) {
      leaving.signal.throwIfAborted();
      const askedAt = performance.now();
      try {
        if (generationId === undefined) await join(cluster, broker);
        else await broker.heartbeat({ groupId, groupGenerationId: generationId, memberId });
        heardAt = askedAt;
        change(mine);
        onSettled();
        await abortableSleep(HEARTBEAT_MS, leaving.signal);
      } catch (error) {
        const { type } = error as { type?: string };
        if (type === 'UNKNOWN_MEMBER_ID') memberId = '';
        else if (type !== 'REBALANCE_IN_PROGRESS' && type !== 'ILLEGAL_GENERATION') throw error;
        generationId = undefined;
        change(undefined);
      }
    }
  }

  /** Stays a member whatever happens to the broker; it is the same member when the broker comes back in time. */
  async function keepMembership(): Promise<void> {
    const backoff = createBackoff(RETRY);
    while (!leaving.signal.aborted) {
      const cluster = client.openCluster();
      const hangUp = () => cluster.destroy();
      leaving.signal.addEventListener('abort', hangUp, { once: true });
      // Without an answer for so long the others may have its partitions.
      const lost = setInterval(() => {
        if (performance.now() - heardAt > SESSION_MS) change(undefined);
      }, HEARTBEAT_MS);
      lost.unref();
      try {
        await cluster.connect();
        await cluster.addMultipleTargetTopics(both);
        coordinator = await cluster.findGroupCoordinator({ groupId });
        await stay(cluster, coordinator, backoff.reset);
      } catch (error) {
        if (!leaving.signal.aborted)
          client.warnOfOutage(`To be in the group ${groupId}`, Math.max(heardAt, startedAt), error);
        await backoff.pause(leaving.signal);
      } finally {
        clearInterval(lost);
        coordinator = undefined;
        leaving.signal.removeEventListener('abort', hangUp);
        hangUp();
      }
    }
  }
  const running = keepMembership();

  function connected(): Coordinator {
    if (!coordinator) throw new Error(`The coordinator of group ${groupId} is away`);
    return coordinator;
  }

  return {
    assigned: () => assigned,
    changed(signal) {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake);
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
    async committed(partitions) {
      const { responses } = await connected().offsetFetch({
        groupId,
        topics: both.map((topic) => ({
          topic,
          partitions: partitions.map((partition) => ({ partition })),
        })),
      });
      const result = new Map<number, Offsets>(
        partitions.map((partition) => [partition, { executions: 0, output: 0 }]),
      );
      for (const { topic, partitions: rows } of responses) {
        for (const { partition, offset } of rows) {
          const entry = result.get(partition);
          if (entry) entry[topic === topics.output ? 'output' : 'executions'] = Math.max(0, Number(offset));
        }
      }
      return result;
    },
    async commit(places) {
      if (generationId === undefined) return;
      const offsets = (kind: keyof Offsets) =>
        [...places].map(([partition, place]) => ({ partition, offset: String(place[kind]) }));
      await connected().offsetCommit({
        groupId,
        groupGenerationId: generationId,
        memberId,
        topics: [
          { topic: topics.executions, partitions: offsets('executions') },
          { topic: topics.output, partitions: offsets('output') },
        ],
      });
    },
    async leave() {
      left = true;
      change(undefined);
      const last = coordinator;
      if (last && memberId) {
        // The others need not wait for the end of its session then.
        await Promise.race([
          last.leaveGroup({ groupId, memberId }).catch(() => {}),
          abortableSleep(LEAVE_MS, leaving.signal),
        ]);
      }
      leaving.abort();
      await running;
    },
  };
}
