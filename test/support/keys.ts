import { fileKeyStore } from '../../access/key-file.ts';
import { createKeys, type Keys, type KeysOptions } from '../../access/keys.ts';
import { openToken } from '../../access/token.ts';

/** The keys of a server that is alone on its data folder. */
export function openKeys(folder: string, options: Pick<KeysOptions, 'users' | 'now'> = {}): Keys {
  return createKeys({ token: openToken(folder), store: fileKeyStore(folder), ...options });
}
