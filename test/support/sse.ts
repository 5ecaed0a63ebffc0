/** Reads SSE and NDJSON answers in tests. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
export type Json = any;

export interface Frame {
  event: string | undefined;
  id: string | undefined;
  data: Json;
}

/** The frames as they come; ends when the answer does or the caller stops. */
export async function* frames(response: Response): AsyncGenerator<Frame> {
  const queue: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => void queue.push(message) });
  const decoder = new TextDecoder();
  for await (const bytes of response.body as ReadableStream<Uint8Array>) {
    parser.feed(decoder.decode(bytes, { stream: true }));
    for (const { event, id, data } of queue.splice(0)) yield { event, id, data: JSON.parse(data) };
  }
}

export async function allFrames(response: Response): Promise<Frame[]> {
  const all: Frame[] = [];
  for await (const frame of frames(response)) all.push(frame);
  return all;
}

export async function jsonLines(response: Response): Promise<Json[]> {
  return (await response.text())
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
