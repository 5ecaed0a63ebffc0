/** One output stream of a remote host: a FIFO in the execution's folder, which the keeper reads. */
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';

/** Opened for both directions, so that a killed keeper breaks no pipe. Non-blocking, so that no thread waits for it. */
export function openHostOutput(path: string): Socket {
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return new Socket({ fd, readable: false, writable: true });
}
