/** API keys in `<data>/keys.json`, for a server that is alone; and the way from there into a store that nodes share. */
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ServiceError } from '../lib/errors.ts';
import { writePrivate } from '../lib/private-file.ts';
import { HASH_SCHEMA, joined, type KeyStore, SCOPES, type StoredKey } from './key-store.ts';

const FILE_SCHEMA = z.object({
  keys: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      scopes: z.array(z.enum(SCOPES)),
      hash: HASH_SCHEMA,
      createdAt: z.number(),
      revokedAt: z.number().optional(),
    }),
  ),
});

const fileOf = (folder: string) => join(folder, 'keys.json');

function readKeys(file: string): StoredKey[] {
  if (!existsSync(file)) return [];
  try {
    const { keys } = FILE_SCHEMA.parse(JSON.parse(readFileSync(file, 'utf8')));
    return keys.map(({ hash, revokedAt, ...key }) => ({
      ...key,
      hash: Buffer.from(hash, 'hex'),
      ...(revokedAt === undefined ? {} : { revokedAt }),
    }));
  } catch (cause) {
    throw new ServiceError(
      'damaged-file',
      `${file} cannot be read as the list of API keys; repair it, or delete it to start with none`,
      { cause },
    );
  }
}

/** @throws ServiceError `damaged-file` when the file that is there cannot be read. */
export function fileKeyStore(folder: string): KeyStore {
  const file = fileOf(folder);
  let keys: readonly StoredKey[] = readKeys(file);
  return {
    all: () => keys,
    async put(key) {
      const known = keys.find(({ id }) => id === key.id);
      const state = joined(known, key);
      const changed = known ? keys.map((other) => (other === known ? state : other)) : [...keys, state];
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const rows = changed.map((row) => ({ ...row, hash: row.hash.toString('hex') }));
      writePrivate(file, `${JSON.stringify({ keys: rows }, null, 2)}\n`);
      keys = changed;
    },
    async close() {},
  };
}

/**
 * Moves the keys that a folder has from the time when its server was alone into a store that all nodes share, and gives
 * the file another name: a key that is revoked later must not come back from it. Repeats itself after a crash.
 * @returns how many keys the file had. @throws ServiceError as `put` does; nothing is lost then.
 */
export async function moveKeys(folder: string, shared: KeyStore): Promise<number> {
  const file = fileOf(folder);
  if (!existsSync(file)) return 0;
  const own = readKeys(file);
  for (const key of own) {
    const known = shared.all().find(({ id }) => id === key.id);
    if (!known || (key.revokedAt !== undefined && known.revokedAt === undefined)) await shared.put(key);
  }
  renameSync(file, join(folder, `keys.moved-${Date.now()}.json`));
  return own.length;
}
