import { createKeys, type Keys } from '../../api/keys.ts';
import { openToken } from '../../api/token.ts';
import { fileKeyStore } from '../../events/key-file.ts';

/** The keys of a server that is alone on its data folder. */
export function openKeys(folder: string, now?: () => number): Keys {
  return createKeys({ token: openToken(folder), store: fileKeyStore(folder), ...(now ? { now } : {}) });
}
