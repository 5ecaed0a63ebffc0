/**
 * Asks for the newest lines of the execution in the address while the page's own modules are still loading. Imports
 * nothing, so that it runs first; sse.ts takes the answer over.
 */

export interface EarlyAnswer {
  url: string;
  abort: AbortController;
  answer: Promise<Response>;
}

const execution = /^\/executions\/([\w-]+)$/.exec(location.pathname)?.[1];
if (execution && !/^#L\d/.test(location.hash)) {
  const url = `/v1/executions/${execution}/output?tail=300`;
  const abort = new AbortController();
  const answer = fetch(url, {
    headers: { accept: 'text/event-stream' },
    signal: abort.signal,
    cache: 'no-store',
  });
  // whoever takes it over sees the error; nobody may
  answer.catch(() => {});
  (globalThis as { linefeedEarly?: EarlyAnswer }).linefeedEarly = { url, abort, answer };
}
