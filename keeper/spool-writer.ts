/** Appends frames for one execution. While the disk has no room its streams are paused, and frames wait here. */
import { encodeFrame, type FrameKind, HEAD_BYTES, KIND, writeHead } from './frames.ts';
import { openSegments } from './segments.ts';

/** How much is read from a FIFO at once: what a killed keeper can lose of each source. */
const READ_BYTES = 65_536;
/** Between two tries to write to a full disk. */
const RETRY_MS = 200;

/** Every FIFO is read into this one, behind room for a frame's head: the bytes are written before the next read. */
const shared = Buffer.allocUnsafeSlow(HEAD_BYTES + READ_BYTES);
export const readBuffer = shared.subarray(HEAD_BYTES);

interface SpoolWriter {
  append(kind: FrameKind, value: unknown, source?: number): void;
  /** Appends the first `length` bytes of `readBuffer`. */
  appendRead(source: number, length: number): void;
  /** True while frames wait for disk space. */
  readonly blocked: boolean;
  /** From now on nothing is written. */
  discard(): void;
  close(): void;
}

interface SpoolWriterOptions {
  folder: string;
  /** How many bytes of each source were appended before. */
  totals(): readonly number[];
  /** Hears that frames were appended. */
  onWrote(): void;
  onBlocked(): void;
  onRoom(): void;
}

export function openSpoolWriter(options: SpoolWriterOptions): SpoolWriter {
  const segments = openSegments(options.folder, options.totals);
  let isDiscarding = false;
  let retryTimer: NodeJS.Timeout | undefined;

  function write(frame: Buffer): void {
    if (isDiscarding) return;
    if (!segments.append(frame)) waitForRoom();
    options.onWrote();
  }

  function waitForRoom(): void {
    options.onBlocked();
    retryTimer ??= setTimeout(() => {
      retryTimer = undefined;
      if (!isDiscarding && !segments.retry()) return waitForRoom();
      options.onWrote();
      options.onRoom();
    }, RETRY_MS);
  }

  return {
    append: (kind, value, source = 0) => write(encodeFrame(kind, value, Date.now(), source)),
    appendRead(source, length) {
      writeHead(shared, { kind: KIND.data, source, at: Date.now(), length });
      write(shared.subarray(0, HEAD_BYTES + length));
    },
    get blocked() {
      return !isDiscarding && segments.waiting;
    },
    discard() {
      isDiscarding = true;
    },
    close() {
      isDiscarding = true;
      clearTimeout(retryTimer);
      segments.close();
    },
  };
}
