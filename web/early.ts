/**
 * Requests the newest lines of the execution in the address before the rest of the page is loaded. It is inline in the
 * document, so it imports nothing and stays short; client/subscription.ts takes the answer over.
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
  // the error is reported where the answer is used, if it is used
  answer.catch(() => {});
  (globalThis as { linefeedEarly?: EarlyAnswer }).linefeedEarly = { url, abort, answer };
}
