import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileKeyStore, moveKeys } from '../../access/key-file.ts';
import { ServiceError } from '../../lib/errors.ts';
import { keyStoreContract, storedKey } from '../contracts/key-store.contract.ts';
import { withFolder } from '../support/folder.ts';

keyStoreContract({
  name: 'file',
  withStorage: (body) => withFolder((folder) => body(async () => fileKeyStore(folder))),
});

const test = suite('The file of keys');

test('its keys move into a shared store once, and a revocation holds, whichever of the two has it', () =>
  withFolder(async (root) => {
    const own = fileKeyStore(join(root, 'node'));
    const shared = fileKeyStore(join(root, 'shared'));
    const [fresh, revokedHere, revokedThere] = [storedKey(), storedKey(), storedKey()] as const;
    for (const key of [fresh, { ...revokedHere, revokedAt: 5 }, revokedThere]) await own.put(key);
    for (const key of [revokedHere, { ...revokedThere, revokedAt: 6 }]) await shared.put(key);
    assert.is(await moveKeys(join(root, 'node'), shared), 3);
    const revokedAt = (id: string) => shared.all().find((key) => key.id === id)?.revokedAt;
    assert.equal(
      [fresh, revokedHere, revokedThere].map(({ id }) => revokedAt(id)),
      [undefined, 5, 6],
    );
    assert.is(shared.all().length, 3);
    assert.is(await moveKeys(join(root, 'node'), shared), 0, 'the second start finds nothing to move');
    assert.equal(fileKeyStore(join(root, 'node')).all(), []);
    const [kept = ''] = readdirSync(join(root, 'node'));
    assert.ok(readFileSync(join(root, 'node', kept), 'utf8').includes(fresh.id), 'the old file is kept');
  }));

test('a store that does not answer costs no key: the next start moves them', () =>
  withFolder(async (root) => {
    const key = storedKey();
    await fileKeyStore(root).put(key);
    const away = { ...fileKeyStore(join(root, 'shared')), put: () => Promise.reject(new Error('away')) };
    const error = await moveKeys(root, away).catch((reason: Error) => reason.message);
    assert.is(error, 'away');
    const shared = fileKeyStore(join(root, 'shared'));
    assert.is(await moveKeys(root, shared), 1);
    assert.equal(shared.all(), [key]);
    assert.not.ok(existsSync(join(root, 'keys.json')));
  }));

test('a file that is damaged is no empty list: it is named, and nothing starts', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'keys.json'), '{"keys": [');
    try {
      fileKeyStore(folder);
      assert.unreachable('it was read');
    } catch (error) {
      assert.instance(error, ServiceError);
      assert.match((error as Error).message, /keys\.json cannot be read.*repair it/);
    }
  }));

test.run();
