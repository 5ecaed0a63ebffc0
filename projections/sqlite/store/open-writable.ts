/** Opens an index for writing. Runs on the writer's thread. */
import type { StoredRunReader } from '../../../events/blocks/stored-runs.ts';
import { isDamaged } from '../../../lib/database.ts';
import { SCHEMA, SCHEMA_VERSION } from './schema.ts';
import { openStore, removeStore, type Store } from './store.ts';

function versionOf({ database }: Store): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

/** A database that is damaged, or whose tables have another version, is deleted; the projector fills it from the log. */
export function openWritable(path: string, frames: StoredRunReader | undefined): Store {
  let store: Store | undefined;
  try {
    store = openStore(path, { readOnly: false, frames });
  } catch (error) {
    if (!isDamaged(error)) throw error;
  }
  const version = store ? versionOf(store) : undefined;
  if (!store || (version !== 0 && version !== SCHEMA_VERSION)) {
    store?.database.close();
    removeStore(path);
    store = openStore(path, { readOnly: false, frames });
  }
  store.database.exec(SCHEMA);
  store.database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  return store;
}
