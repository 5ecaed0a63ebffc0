/** Offsets of partitions in both topics, and their text in a checkpoint: `120:4500`. */
import type { Cluster } from './cluster.ts';
import type { Topics } from './topics.ts';

export interface Offsets {
  executions: number;
  output: number;
}

export function formatOffsets(offsets: Offsets): string {
  return `${offsets.executions}:${offsets.output}`;
}

/** @param text what `formatOffsets` made. */
export function parseOffsets(text: string): Offsets {
  const [executions, output] = text.split(':').map(Number);
  return { executions: executions ?? 0, output: output ?? 0 };
}

/** Offsets of both topics by partition: the first, the next to be written, or the first at or after a time. */
export async function offsetsOf(
  cluster: Cluster,
  topics: Topics,
  partitions: number[],
  at: 'beginning' | 'end' | number,
): Promise<Map<number, Offsets>> {
  const where = typeof at === 'number' ? { fromTimestamp: at } : { fromBeginning: at === 'beginning' };
  const names = [topics.executions, topics.output];
  await cluster.addMultipleTargetTopics(names);
  const found = await cluster.fetchTopicsOffset(
    names.map((topic) => ({ topic, partitions: partitions.map((partition) => ({ partition })), ...where })),
  );
  const result = new Map<number, Offsets>(
    partitions.map((partition) => [partition, { executions: Number.NaN, output: Number.NaN }]),
  );
  for (const { topic, partitions: rows } of found) {
    for (const { partition, offset } of rows) {
      const entry = result.get(partition);
      // -1: nothing is as new as that time.
      if (entry) entry[topic === topics.output ? 'output' : 'executions'] = Number(offset);
    }
  }
  for (const [partition, entry] of result) {
    // kafkajs leaves out what its metadata lacks. Taken for offset 0, an end would be one without records.
    if (Number.isNaN(entry.executions + entry.output)) {
      throw new Error(`no broker named the offsets of partition ${partition}`);
    }
  }
  if (typeof at !== 'number') return result;
  const ends = [...result.values()].some((entry) => entry.executions < 0 || entry.output < 0)
    ? await offsetsOf(cluster, topics, partitions, 'end')
    : new Map<number, Offsets>();
  for (const [partition, entry] of result) {
    if (entry.executions < 0) entry.executions = ends.get(partition)?.executions ?? 0;
    if (entry.output < 0) entry.output = ends.get(partition)?.output ?? 0;
  }
  return result;
}
