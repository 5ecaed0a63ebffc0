import { createKeys, type Keys, type KeysOptions } from '../../api/keys.ts';
import { openToken } from '../../api/token.ts';
import { fileKeyStore } from '../../events/key-file.ts';

/** The keys of a server that is alone on its data folder. */
export function openKeys(folder: string, options: Pick<KeysOptions, 'users' | 'now'> = {}): Keys {
  return createKeys({ token: openToken(folder), store: fileKeyStore(folder), ...options });
}
