/**
 * The generation of indices that readers see. Its number is a document in the cluster, as a rebuild on any node changes it
 * for all of them.
 */
import type { CheckpointParts } from '../../events/checkpoints.ts';
import { type Requests, searchIn } from './client.ts';
import { type IndexNames, indexNames, stateIndex } from './index-names.ts';
import { type GenerationWriter, generationWriter } from './writer.ts';

export interface ActiveGeneration {
  /** As this node last saw it. */
  readonly names: IndexNames;
  readonly writer: GenerationWriter;
  /** Asks the cluster; true when another node has rebuilt the index since the last call. */
  refresh(): Promise<boolean>;
  /** Makes the generation the one that every node uses from its next `refresh` on. */
  announce(names: IndexNames): Promise<void>;
  /** Uses the generation on this node. */
  use(names: IndexNames): void;
  /** A writer for a generation that is being filled. */
  fill(names: IndexNames): GenerationWriter;
}

export function activeGeneration(client: Requests, prefix: string, refreshEveryMs: number): ActiveGeneration {
  const document = `/${stateIndex(prefix)}/_doc/generation`;
  const writerOf = (names: IndexNames, searchable: boolean) =>
    generationWriter({ client, prefix, names, searchable, refreshEveryMs });
  let names = indexNames(prefix, 1);
  let writer = writerOf(names, true);

  function use(next: IndexNames): void {
    names = next;
    writer = writerOf(next, true);
  }

  return {
    get names() {
      return names;
    },
    get writer() {
      return writer;
    },
    async refresh() {
      const found = await client.send('GET', document, undefined, { accept: [404] });
      const generation = found?._source?.generation ?? 1;
      if (generation === names.generation) return false;
      use(indexNames(prefix, generation));
      return true;
    },
    async announce({ generation }) {
      await client.send('PUT', document, { generation });
    },
    use,
    fill: (next) => writerOf(next, false),
  };
}

/** What the writers of a generation have stored: a part of the checkpoint for each partition. */
export async function storedCheckpoint(
  client: Requests,
  prefix: string,
  { generation }: IndexNames,
): Promise<CheckpointParts> {
  const state = stateIndex(prefix);
  await client.send('POST', `/${state}/_refresh`);
  const filter = [{ term: { generation } }, { exists: { field: 'partition' } }];
  const answer = await searchIn(client, state)({ size: 10_000, query: { bool: { filter } } });
  const rows = answer.hits.hits as { _source: { partition: string; place: string } }[];
  return new Map(rows.map(({ _source: { partition, place } }) => [partition, place]));
}
