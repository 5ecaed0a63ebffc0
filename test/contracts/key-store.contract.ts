/** What every store of API keys has to keep, whatever is below it. Each case gets a storage of its own, which can be reopened. */
import { createHash, randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { KeyStore, StoredKey } from '../../access/key-store.ts';

export interface KeyStoreAdapter {
  name: string;
  /** Runs the body on a fresh storage; `connect` opens the store on it, again after the one before was closed. */
  withStorage(body: (connect: () => Promise<KeyStore>) => Promise<void>): Promise<void>;
}

export function storedKey(more: Partial<StoredKey> = {}): StoredKey {
  return {
    id: randomBytes(6).toString('hex'),
    name: 'ci “ü”',
    scopes: ['read', 'execute'],
    hash: createHash('sha256').update(randomBytes(16)).digest(),
    createdAt: 1_790_000_000_123,
    ...more,
  };
}

export function keyStoreContract({ name, withStorage }: KeyStoreAdapter): void {
  const test = suite(`KeyStore contract: ${name}`);

  const opened = (body: (store: KeyStore, reopened: () => Promise<KeyStore>) => Promise<void>) =>
    withStorage(async (connect) => {
      let store = await connect();
      const reopened = async () => {
        await store.close();
        store = await connect();
        return store;
      };
      try {
        await body(store, reopened);
      } finally {
        await store.close();
      }
    });

  test('a key is there once it was put, and after a restart, with all there is to know of it', () =>
    opened(async (store, reopened) => {
      assert.equal(store.all(), []);
      const late = storedKey({ createdAt: 1_790_000_000_500 });
      const early = storedKey({ scopes: ['admin'] });
      await store.put(early);
      assert.equal(store.all(), [early]);
      await store.put(late);
      const revoked = { ...early, revokedAt: 1_790_000_001_000 };
      await store.put(revoked);
      assert.equal(store.all(), [revoked, late], 'oldest first');
      assert.equal((await reopened()).all(), [revoked, late]);
    }));

  test('a key that was revoked stays so, from the first time on, whatever is put later', () =>
    opened(async (store, reopened) => {
      const key = storedKey();
      await store.put(key);
      await store.put({ ...key, revokedAt: 1_790_000_002_000 });
      await store.put(key);
      await store.put({ ...key, revokedAt: 1_790_000_003_000 });
      const revoked = [{ ...key, revokedAt: 1_790_000_002_000 }];
      assert.equal(store.all(), revoked);
      assert.equal((await reopened()).all(), revoked);
    }));

  test('of keys put at the same time none is lost', () =>
    opened(async (store, reopened) => {
      const keys = Array.from({ length: 10 }, (_, n) => storedKey({ createdAt: 1_790_000_000_000 + n }));
      await Promise.all(keys.map((key) => store.put(key)));
      assert.equal(store.all(), keys);
      assert.equal((await reopened()).all(), keys);
    }));

  test.run();
}
