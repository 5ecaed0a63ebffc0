/** The read end of a FIFO, without a thread: libuv waits for it as for a socket. */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';

const { O_RDONLY, O_WRONLY, O_NONBLOCK, O_RDWR } = constants;

export interface FifoReader {
  pause(): void;
  resume(): void;
  /**
   * Drops the write end that this process holds: from then on the end of the last other writer is the end of the file,
   * also when it has ended long before.
   */
  expectEnd(): void;
  close(): void;
}

/**
 * Holds a write end as well, so that the moment between two writers is not an end.
 * @param buffer where reads go; `onBytes` gets how many there are and has to take them before it returns.
 * @param onBytes returns false to pause.
 * @param onEnd called once, when the file has ended or cannot be read.
 * @throws ErrnoException when the FIFO is not there.
 */
export function openFifo(
  path: string,
  buffer: Uint8Array,
  onBytes: (count: number) => boolean,
  onEnd: (error?: Error) => void,
): FifoReader {
  const reader = openSync(path, O_RDONLY | O_NONBLOCK);
  let writer: number | undefined = openSync(path, O_WRONLY | O_NONBLOCK);
  let ended = false;
  const end = (error?: Error) => {
    if (ended) return;
    ended = true;
    dropWriter();
    socket.destroy();
    onEnd(error);
  };
  const dropWriter = () => {
    if (writer !== undefined) closeSync(writer);
    writer = undefined;
  };
  const socket = new Socket({
    fd: reader,
    readable: true,
    writable: false,
    onread: { buffer, callback: (count: number) => onBytes(count) },
  });
  socket.on('end', () => end());
  socket.on('error', end);
  socket.on('close', () => end());
  return {
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    expectEnd: dropWriter,
    close() {
      ended = true;
      dropWriter();
      socket.destroy();
    },
  };
}

/** Reads a FIFO that this process keeps open for both directions, so that it never ends. */
export function openControl(path: string, onText: (text: string) => void): { close(): void } {
  const socket = new Socket({ fd: openSync(path, O_RDWR | O_NONBLOCK), readable: true, writable: false });
  socket.setEncoding('latin1');
  socket.on('data', onText);
  socket.on('error', () => undefined);
  return { close: () => void socket.destroy() };
}

interface LineWriter {
  write(line: string): void;
  close(): void;
}

/** Writes lines into a FIFO that this process keeps open, so that it works after its folder was removed. */
export function openLineWriter(path: string): LineWriter {
  const fd = openSync(path, O_RDWR | O_NONBLOCK);
  return {
    write(line) {
      try {
        writeSync(fd, `${line}\n`);
      } catch {
        // It is full of lines that nobody read; one more would say nothing new.
      }
    },
    close: () => closeSync(fd),
  };
}
