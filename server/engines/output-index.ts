/** Opens the output index: in SQLite, or in Elasticsearch if the configuration has a node. */
import type { StoredRunSource } from '../../events/blocks/stored-runs.ts';
import type { OutputIndex } from '../../projections/output-index.ts';
import { sqliteOutputIndex } from '../../projections/sqlite/output-index.ts';
import type { EngineOptions } from './engines.ts';
import { openWhenAvailable } from './retry.ts';

/** @param frames the output in the log, if the log is on this machine. */
export function openOutputIndex(options: EngineOptions, frames?: StoredRunSource): Promise<OutputIndex> {
  const { node } = options.config.elasticsearch;
  return node === undefined ? openSqlite(options, frames) : openElasticsearch(options, node);
}

async function openSqlite(
  { config, stack, onFatal }: EngineOptions,
  frames?: StoredRunSource,
): Promise<OutputIndex> {
  const index = await sqliteOutputIndex({ folder: config.data, onFatal, ...(frames ? { frames } : {}) });
  stack.defer(() => index.close());
  await index.ensure();
  return index;
}

async function openElasticsearch(
  { config, stack, logger }: EngineOptions,
  node: string,
): Promise<OutputIndex> {
  const { elasticsearchOutputIndex } = await import('../../projections/elasticsearch/output-index.ts');
  const { apiKey, username, password, ca, indexPrefix, replicas, warmAfter } = config.elasticsearch;
  const index = await elasticsearchOutputIndex({
    node,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    indexPrefix,
    replicas,
    warmAfterMs: warmAfter,
    executionsTtlMs: config.retention.executionsTtl,
    outputTtlMs: config.retention.outputTtl,
  });
  stack.defer(() => index.close());
  // Nodes that do not write to the index start without it.
  if (config.roles.includes('projector')) {
    await openWhenAvailable('Elasticsearch', () => index.ensure(), logger);
  }
  return index;
}
