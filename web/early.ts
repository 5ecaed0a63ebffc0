/**
 * Asks for the newest lines of the execution in the address before anything else of the page is loaded. It stands in the
 * document itself, so it imports nothing and stays short; client/subscription.ts takes the answer over.
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
