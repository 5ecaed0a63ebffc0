/**
 * The action files of all packs, read again when their size or time has changed. A broken file is one entry with its error
 * and harms no other.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '../lib/errors.ts';
import { readRegularFile } from '../lib/regular-file.ts';
import { brokenAction, type LoadedAction, loadAction } from './action-file.ts';
import type { ActionDescription } from './descriptions.ts';
import type { Pack } from './pack.ts';
import type { Packs } from './pack-folders.ts';
import type { Runner } from './runner.ts';
import { createSharedRead } from './shared-read.ts';

export interface ActionEntry {
  pack: Pack;
  /** Changes with the file. */
  stamp: string;
  /** Absent when the action is broken. */
  loaded?: LoadedAction;
  description: ActionDescription;
}

interface ActionEntriesOptions {
  packs: Packs;
  runners: ReadonlyMap<string, Runner>;
  logger?: { warn(fields: object, message: string): void } | undefined;
}

/** An action file larger than this is refused: it is read whole, and at each change. */
const MAX_FILE_BYTES = 1_048_576;
/** Files read together: parsing them takes some milliseconds, after which others have their turn. */
const FILES_AT_ONCE = 16;

/** By path of the file. */
type Entries = Map<string, ActionEntry>;

/** @returns reads what the disk says now; never rejects because of one file. */
export function createActionEntries(options: ActionEntriesOptions): () => Promise<Entries> {
  const { packs, runners, logger } = options;
  let known: Entries = new Map();

  async function readFile(pack: Pack, file: string): Promise<[string, ActionEntry]> {
    const path = join(pack.folder, 'actions', file);
    const label = `${pack.name}/actions/${file}`;
    const before = known.get(path);
    let stamp = 'unreadable';
    try {
      const { ino, size, mtimeMs } = await stat(path);
      stamp = `${ino}/${size}/${mtimeMs}`;
      if (before?.stamp === stamp) return [path, before];
      const real = await packs.file(pack, join('actions', file));
      const text = (await readRegularFile(real, MAX_FILE_BYTES, label)).toString('utf8');
      const loaded = loadAction(text, label, pack.name, runners);
      return [path, { pack, stamp, loaded, description: loaded.description }];
    } catch (cause) {
      if (before?.stamp === stamp && before.description.broken) return [path, before];
      const error = cause instanceof ServiceError ? cause.message : `${label}: ${(cause as Error).message}`;
      logger?.warn({ file: label }, `An action cannot be used: ${error}`);
      return [
        path,
        { pack, stamp, description: brokenAction(pack.name, file.replace(/\.ya?ml$/, ''), error) },
      ];
    }
  }

  async function readPack(pack: Pack): Promise<[string, ActionEntry][]> {
    const names = await readdir(join(pack.folder, 'actions')).catch(() => [] as string[]);
    const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
    const entries: [string, ActionEntry][] = [];
    for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
      const batch = files.slice(at, at + FILES_AT_ONCE);
      entries.push(...(await Promise.all(batch.map((file) => readFile(pack, file)))));
    }
    return entries;
  }

  return createSharedRead(async () => {
    const entries: Entries = new Map();
    const paths = new Map<string, string>();
    for (const pack of await packs.list()) {
      for (const [path, entry] of await readPack(pack)) addEntry(entries, paths, path, entry);
    }
    known = entries;
    return entries;
  });
}

/**
 * A later folder's action replaces an earlier one's; two files of one folder that describe the same action are broken.
 * @param paths by reference of the action.
 */
function addEntry(entries: Entries, paths: Map<string, string>, path: string, entry: ActionEntry): void {
  const { pack, description } = entry;
  const other = paths.get(description.ref);
  if (other !== undefined && entries.get(other)?.pack.folder === pack.folder) {
    const [first, second] = [path, other].map((one) => one.split('/').at(-1));
    const error = `${pack.name}: ${first} and ${second} both describe the action ${description.ref}`;
    entries.set(other, {
      pack,
      stamp: 'twice',
      description: brokenAction(pack.name, description.name, error),
    });
    return;
  }
  if (other !== undefined) entries.delete(other);
  paths.set(description.ref, path);
  entries.set(path, entry);
}
