/** Fills a second generation of indices while readers stay on the first, then moves the readers' aliases. */
import type { Rebuild } from '../output-index.ts';
import type { ActiveGeneration } from './active-generation.ts';
import type { Requests } from './client.ts';
import { findExecution } from './executions.ts';
import { indexNames, stateIndex } from './index-names.ts';
import { aliasActions, deleteIndices, deleteTemplates, putTemplates } from './setup.ts';
import type { SetupOptions } from './templates.ts';

export async function beginRebuild(
  client: Requests,
  setup: SetupOptions,
  generation: ActiveGeneration,
  ilm: boolean,
): Promise<Rebuild> {
  const { prefix } = setup;
  await generation.refresh();
  const old = generation.names;
  const next = indexNames(prefix, old.generation + 1);
  await deleteIndices(client, next);
  await client.send('POST', `/${stateIndex(prefix)}/_refresh`);
  await putTemplates(client, setup, next, { ilm, active: false });
  const { write } = generation.fill(next);
  return {
    write,
    execution: (id) => findExecution(client, next, id),
    async commit() {
      await client.send('POST', `/${next.outputBase}*,${next.executionsBase}*/_refresh`);
      await putTemplates(client, setup, next, { ilm, active: true });
      const actions = await aliasActions(client, old, next);
      await generation.announce(next);
      if (actions.length > 0) await client.send('POST', '/_aliases', { actions });
      await deleteTemplates(client, old);
      generation.use(next);
    },
    async abort() {
      await deleteIndices(client, next);
      await deleteTemplates(client, next);
    },
  };
}
