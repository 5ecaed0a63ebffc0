/** When an execution's output goes, from the server's times to live: asked for once and kept. */
import { getJson } from './requests.ts';

export interface Lifetimes {
  output_ttl_seconds: number;
  executions_ttl_seconds: number;
}

let asked: Promise<Lifetimes> | undefined;

/** Asks the server the first time; an answer that did not come is asked for again. */
export function lifetimes(): Promise<Lifetimes> {
  asked ??= getJson<{ retention: Lifetimes }>('/v1/operations').then(
    ({ retention }) => retention,
    (error) => {
      asked = undefined;
      throw error;
    },
  );
  return asked;
}

/** Milliseconds after an execution's end for which its output is kept; undefined is for ever. */
export function keptMs({ output_ttl_seconds, executions_ttl_seconds }: Lifetimes): number | undefined {
  const ends = [output_ttl_seconds, executions_ttl_seconds].filter((seconds) => seconds > 0);
  return ends.length ? Math.min(...ends) * 1000 : undefined;
}
