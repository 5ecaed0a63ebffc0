/**
 * The streams that are being answered now: one heartbeat timer for all of them, one goodbye when the server stops, and
 * an end for those whose credential has ended.
 */
import type { Identity } from '../../access/identity.ts';

export interface OpenStream {
  /** Sends a sign of life when nothing was sent since the last call. */
  beat(): void;
  /** The server stops: say so where the format can, and end. */
  bye(): void;
  /** The reader may read no more: end without an end mark, so that nobody takes it for complete. */
  cut(): void;
}

export interface OpenStreams {
  /** @param reader whose stream it is. Answers how to take it out. */
  add(stream: OpenStream, reader: Identity): () => void;
  count(): number;
}

interface OpenStreamsOptions {
  heartbeatMs?: number | undefined;
  closing?: AbortSignal | undefined;
  /** Whether the credential of a reader is still good. */
  stands(reader: Identity): boolean;
}

/** Proxies cut connections that are silent for 30 to 60 s. */
const HEARTBEAT_MS = 15_000;
/** How long a stream may outlive its credential. */
const CHECK_MS = 1000;

export function openStreams({
  heartbeatMs = HEARTBEAT_MS,
  closing,
  stands,
}: OpenStreamsOptions): OpenStreams {
  const streams = new Map<OpenStream, Identity>();
  let timers: NodeJS.Timeout[] = [];
  closing?.addEventListener('abort', () => {
    for (const stream of streams.keys()) stream.bye();
  });
  const beat = () => {
    for (const stream of streams.keys()) stream.beat();
  };
  const check = () => {
    for (const [stream, reader] of streams) if (!stands(reader)) stream.cut();
  };
  return {
    add(stream, reader) {
      streams.set(stream, reader);
      if (timers.length === 0) {
        timers = [setInterval(beat, heartbeatMs).unref(), setInterval(check, CHECK_MS).unref()];
      }
      if (closing?.aborted) stream.bye();
      return () => {
        streams.delete(stream);
        if (streams.size > 0) return;
        for (const timer of timers) clearInterval(timer);
        timers = [];
      };
    },
    count: () => streams.size,
  };
}
