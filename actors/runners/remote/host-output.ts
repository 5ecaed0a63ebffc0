/** One output stream of a remote host: a FIFO in the execution's folder, which the keeper reads. */
import { constants, createWriteStream, openSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * A FIFO is opened for both directions, so that a killed keeper breaks no pipe, and non-blocking, so that no thread waits
 * for it. Where there is none, as without a keeper, it is a file.
 */
export function openHostOutput(path: string): Writable {
  if (!statSync(path, { throwIfNoEntry: false })?.isFIFO()) {
    return createWriteStream(path, { flags: 'a', mode: 0o600 });
  }
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: false, writable: true });
}
