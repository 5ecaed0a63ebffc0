/**
 * Membership of a consumer group, without reading: the group assigns partitions and keeps offsets, and
 * partition-reader.ts reads. This speaks the group protocol itself. kafkajs' consumer rejoins as a new member after an
 * outage of the broker, and the group then waits until the old member has timed out.
 */
import { createRequire } from 'node:module';
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import { createBackoff } from '../../lib/backoff.ts';
import { type Assignment, createAssignment } from './assignment.ts';
import type { Cluster, Coordinator } from './cluster.ts';
import type { KafkaEventLog } from './event-log.ts';
import type { Offsets } from './offsets.ts';
import type { Topics } from './topics.ts';

export interface Membership {
  /** The partitions of this member; undefined during a rebalance. */
  assigned(): number[] | undefined;
  /** Resolves at the next change of the assignment, or when aborted. */
  changed(signal: AbortSignal): Promise<void>;
  /** The offsets that the group has committed; 0 is the beginning. */
  committed(partitions: number[]): Promise<Map<number, Offsets>>;
  commit(offsets: Map<number, Offsets>): Promise<void>;
  leave(): Promise<void>;
}

const PROTOCOL = 'LinefeedSamePartitions';
/** A member that is silent for this long loses its partitions to the others. */
const SESSION_MS = 10_000;
const HEARTBEAT_MS = 500;
/** How long a rebalance waits for a member that does not rejoin. */
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

/** What this member knows of itself. */
interface Member {
  readonly groupId: string;
  readonly topics: Topics;
  /** Empty until the group has given one. */
  id: string;
  /** Of the last rebalance that this member took part in; undefined when it must join. */
  generationId: number | undefined;
  partitions: number[];
  /** When the group last answered, milliseconds of `performance.now()`. */
  heardAt: number;
}

const topicsOf = ({ topics }: Member) => [topics.executions, topics.output];

/** Takes part in a rebalance. The member that leads it assigns the partitions of all. */
async function join(member: Member, cluster: Cluster, broker: Coordinator): Promise<void> {
  const { groupId } = member;
  const topics = topicsOf(member);
  const answer = await broker.joinGroup({
    groupId,
    sessionTimeout: SESSION_MS,
    rebalanceTimeout: REJOIN_MS,
    memberId: member.id,
    groupProtocols: [{ name: PROTOCOL, metadata: MemberMetadata.encode({ version: 1, topics }) }],
  });
  member.id = answer.memberId;
  const leads = answer.leaderId === member.id;
  if (leads) await cluster.refreshMetadata();
  const { memberAssignment } = await broker.syncGroup({
    groupId,
    generationId: answer.generationId,
    memberId: member.id,
    groupAssignment: leads
      ? shareOut(
          cluster,
          topics,
          answer.members.map(({ memberId }) => memberId),
        )
      : [],
  });
  const { assignment = {} } = MemberAssignment.decode(memberAssignment) ?? {};
  member.generationId = answer.generationId;
  member.partitions = [...(assignment[member.topics.executions] ?? [])].sort((a, b) => a - b);
}

/** Joins when it must and sends heartbeats, until something fails. */
async function stay(
  member: Member,
  cluster: Cluster,
  broker: Coordinator,
  assignment: Assignment,
  signal: AbortSignal,
  onSettled: () => void,
): Promise<never> {
  const { groupId } = member;
  for (;;) {
    signal.throwIfAborted();
    const askedAt = performance.now();
    try {
      if (member.generationId === undefined) await join(member, cluster, broker);
      else {
        await broker.heartbeat({ groupId, groupGenerationId: member.generationId, memberId: member.id });
      }
      member.heardAt = askedAt;
      assignment.set(member.partitions);
      onSettled();
      await abortableSleep(HEARTBEAT_MS, signal);
    } catch (error) {
      const { type } = error as { type?: string };
      if (type === 'UNKNOWN_MEMBER_ID') member.id = '';
      else if (type !== 'REBALANCE_IN_PROGRESS' && type !== 'ILLEGAL_GENERATION') throw error;
      member.generationId = undefined;
      assignment.set(undefined);
    }
  }
}

async function fetchCommitted(
  member: Member,
  broker: Coordinator,
  partitions: readonly number[],
): Promise<Map<number, Offsets>> {
  const { responses } = await broker.offsetFetch({
    groupId: member.groupId,
    topics: topicsOf(member).map((topic) => ({
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
      if (entry) {
        entry[topic === member.topics.output ? 'output' : 'executions'] = Math.max(0, Number(offset));
      }
    }
  }
  return result;
}

async function commitOffsets(
  { groupId, id, topics }: Member,
  generationId: number,
  broker: Coordinator,
  offsets: ReadonlyMap<number, Offsets>,
): Promise<void> {
  const rows = (kind: keyof Offsets) =>
    [...offsets].map(([partition, next]) => ({ partition, offset: String(next[kind]) }));
  await broker.offsetCommit({
    groupId,
    groupGenerationId: generationId,
    memberId: id,
    topics: [
      { topic: topics.executions, partitions: rows('executions') },
      { topic: topics.output, partitions: rows('output') },
    ],
  });
}

export async function joinGroup(
  { client, topics }: Pick<KafkaEventLog, 'client' | 'topics'>,
  groupId: string,
): Promise<Membership> {
  const startedAt = performance.now();
  const leaving = new AbortController();
  const assignment = createAssignment();
  const member: Member = {
    groupId,
    topics,
    id: '',
    generationId: undefined,
    partitions: [],
    heardAt: Number.NEGATIVE_INFINITY,
  };
  let coordinator: Coordinator | undefined;

  /** Remains the same member through outages of the broker, unless they last too long. */
  async function keepMembership(): Promise<void> {
    const backoff = createBackoff(RETRY);
    while (!leaving.signal.aborted) {
      const cluster = client.openCluster();
      const hangUp = () => cluster.destroy();
      leaving.signal.addEventListener('abort', hangUp, { once: true });
      // After so long without an answer the others may have its partitions.
      const expiry = setInterval(() => {
        if (performance.now() - member.heardAt > SESSION_MS) assignment.set(undefined);
      }, HEARTBEAT_MS);
      expiry.unref();
      try {
        await cluster.connect();
        await cluster.addMultipleTargetTopics(topicsOf(member));
        coordinator = await cluster.findGroupCoordinator({ groupId });
        await stay(member, cluster, coordinator, assignment, leaving.signal, backoff.reset);
      } catch (error) {
        if (!leaving.signal.aborted)
          client.warnOfOutage(`To be in the group ${groupId}`, Math.max(member.heardAt, startedAt), error);
        await backoff.pause(leaving.signal);
      } finally {
        clearInterval(expiry);
        coordinator = undefined;
        leaving.signal.removeEventListener('abort', hangUp);
        hangUp();
      }
    }
  }
  const running = keepMembership();

  function connected(): Coordinator {
    if (!coordinator) throw new Error(`The coordinator of group ${groupId} is unavailable`);
    return coordinator;
  }

  return {
    assigned: assignment.get,
    changed: assignment.changed,
    committed: async (partitions) => fetchCommitted(member, connected(), partitions),
    async commit(offsets) {
      const { generationId } = member;
      if (generationId !== undefined) await commitOffsets(member, generationId, connected(), offsets);
    },
    async leave() {
      assignment.end();
      const last = coordinator;
      if (last && member.id) {
        // The others need not wait for the end of its session then.
        await Promise.race([
          last.leaveGroup({ groupId, memberId: member.id }).catch(() => {}),
          abortableSleep(LEAVE_MS, leaving.signal),
        ]);
      }
      leaving.abort();
      await running;
    },
  };
}
