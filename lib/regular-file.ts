/**
 * Reads files whose paths somebody else chose: a request, a pack, a configuration, a command in its own spool folder.
 * Such a path may lead to a device that never ends, a FIFO that nobody writes, or a file that grows while it is read.
 *
 * All functions throw ServiceError `unusable-file` when the path leads to anything but a regular file, or to more than
 * the limit, and the system's error when it cannot be opened. `name` is what messages call the file.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { ServiceError } from './errors.ts';

/** The open of a FIFO that nobody writes would wait for ever without it. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;
/** Files of /proc say that they are empty, so a size is only a hint. */
const LEAST_ROOM_BYTES = 4096;

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a FIFO';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

function checkRegular(stats: Stats, name: string): void {
  if (stats.isFile()) return;
  throw new ServiceError(
    'unusable-file',
    `${name} is ${kindOf(stats)}; give the path of a regular file instead`,
  );
}

function checkSize(bytes: number, limitBytes: number, name: string): void {
  if (bytes <= limitBytes) return;
  throw new ServiceError(
    'unusable-file',
    `${name} is larger than ${limitBytes} bytes, the most that is read of it; make it smaller`,
  );
}

/** Takes what is read piece by piece, up to one byte more than the limit. */
function collector(stats: Stats, limitBytes: number, name: string) {
  checkSize(stats.size, limitBytes, name);
  let buffer = Buffer.alloc(Math.min(limitBytes, Math.max(stats.size, LEAST_ROOM_BYTES)) + 1);
  let length = 0;
  return {
    room: () => buffer.subarray(length),
    /** @returns false at the end of the file. */
    took(bytes: number): boolean {
      length += bytes;
      checkSize(length, limitBytes, name);
      if (length === buffer.length) {
        buffer = Buffer.concat([buffer], Math.min(2 * length, limitBytes + 1));
      }
      return bytes > 0;
    },
    bytes: () => buffer.subarray(0, length),
  };
}

/** The caller closes it. */
async function openRegular(path: string, name: string): Promise<{ file: FileHandle; stats: Stats }> {
  // Looked at first, for to open a device can have an effect by itself; the descriptor decides.
  checkRegular(await stat(path), name);
  const file = await open(path, FLAGS);
  try {
    const stats = await file.stat();
    checkRegular(stats, name);
    return { file, stats };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The whole file. */
export async function readRegularFile(path: string, limitBytes: number, name = path): Promise<Buffer> {
  const { file, stats } = await openRegular(path, name);
  try {
    const collected = collector(stats, limitBytes, name);
    while (collected.took((await file.read(collected.room(), { position: null })).bytesRead));
    return collected.bytes();
  } finally {
    await file.close();
  }
}

/** At most so many of its first bytes. */
export async function readRegularHead(path: string, bytes: number, name = path): Promise<Buffer> {
  const { file } = await openRegular(path, name);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), { position: 0 });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Refuses what `readRegularFile` would refuse now, without reading it. */
export async function checkRegularFile(path: string, limitBytes: number, name = path): Promise<void> {
  const stats = await stat(path);
  checkRegular(stats, name);
  checkSize(stats.size, limitBytes, name);
}

/** @returns a descriptor, which the caller closes. */
export function openRegularSync(path: string, name = path): number {
  checkRegular(statSync(path), name);
  const fd = openSync(path, FLAGS);
  try {
    checkRegular(fstatSync(fd), name);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** For small files that were just written, which are in the page cache. */
export function readRegularFileSync(path: string, limitBytes: number, name = path): Buffer {
  const fd = openRegularSync(path, name);
  try {
    const collected = collector(fstatSync(fd), limitBytes, name);
    while (collected.took(readSync(fd, collected.room(), { position: null })));
    return collected.bytes();
  } finally {
    closeSync(fd);
  }
}
