import { elasticsearchOutputIndex } from '../../../projections/elasticsearch/output-index.ts';
import { outputIndexContract } from '../../contracts/output-index.contract.ts';
import { randomPrefix, sharedStack } from '../../support/stack.ts';

const DAY_MS = 86_400_000;

async function open(indexPrefix: string) {
  const { elasticsearch } = await sharedStack();
  const index = await elasticsearchOutputIndex({
    node: elasticsearch.address,
    indexPrefix,
    replicas: 0,
    executionsTtlMs: 0,
    outputTtlMs: 7 * DAY_MS,
    warmAfterMs: 0,
    refreshEveryMs: 0,
  });
  await index.ensure();
  return index;
}

const { elasticsearch } = await sharedStack();
outputIndexContract({
  name: 'elasticsearch',
  async open() {
    const prefix = randomPrefix();
    return {
      connect: () => open(prefix),
      async remove() {
        // A cluster that ends with this process needs no tidying, which would take longer than the case.
        if (elasticsearch.controllable) return;
        await fetch(`${elasticsearch.address}/${prefix}-*?expand_wildcards=all`, { method: 'DELETE' });
        await fetch(`${elasticsearch.address}/_index_template/${prefix}-*`, { method: 'DELETE' });
        await fetch(`${elasticsearch.address}/_component_template/${prefix}-*`, { method: 'DELETE' });
      },
    };
  },
});
