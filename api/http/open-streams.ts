/**
 * The streams that are being answered now: one heartbeat timer for all of them, and one goodbye when the server stops.
 */
export interface OpenStream {
  /** Sends a sign of life when nothing was sent since the last call. */
  beat(): void;
  /** The server stops: say so where the format can, and end. */
  bye(): void;
}

export interface OpenStreams {
  add(stream: OpenStream): () => void;
  count(): number;
}

export interface OpenStreamsOptions {
  heartbeatMs?: number | undefined;
  closing?: AbortSignal | undefined;
}

/** Proxies cut connections that are silent for 30 to 60 s. */
const HEARTBEAT_MS = 15_000;

export function openStreams({ heartbeatMs = HEARTBEAT_MS, closing }: OpenStreamsOptions = {}): OpenStreams {
  const streams = new Set<OpenStream>();
  let timer: NodeJS.Timeout | undefined;
  closing?.addEventListener('abort', () => {
    for (const stream of streams) stream.bye();
  });
  return {
    add(stream) {
      streams.add(stream);
      timer ??= setInterval(() => {
        for (const one of streams) one.beat();
      }, heartbeatMs).unref();
      if (closing?.aborted) stream.bye();
      return () => {
        streams.delete(stream);
        if (streams.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    count: () => streams.size,
  };
}
