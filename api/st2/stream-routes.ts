/**
 * StackStorm's event stream. A client that names the execution it waits for (`end_execution_id`) gets that one from its
 * first line, so that it misses nothing when it connects late. The stream ends right after the execution's last event.
 */
import type { ExecutionEvent } from '../../events/event.ts';
import { isEnd, isLast } from '../../events/event.ts';
import { valueBytes } from '../../events/event-size.ts';
import { applyEvent, type ExecutionDocument } from '../../projections/execution-document.ts';
import type { Api } from '../deps.ts';
import { findExecution } from '../executions/find-execution.ts';
import { follow } from '../follow/follow.ts';
import { requires } from '../http/authentication.ts';
import { type ApiContext, createRouter } from '../http/router.ts';
import { SSE_HEADERS } from '../http/sse.ts';
import { streamResponse, type Writer } from '../http/stream-response.ts';
import { coalesce } from '../output/coalesce.ts';
import { DEFAULT_EVENTS, executionMessages, nameFilter, OUTPUT_EVENT, outputMessages } from './views.ts';

/** Parameters that only StackStorm's clients send; our own clients use the same path for our own events. */
const ST2_QUERY = [
  'end_event',
  'end_execution_id',
  'events',
  'action_refs',
  'execution_ids',
  'x-auth-token',
  'st2-api-key',
];
/** Memory for the documents of running executions that one stream of all events keeps. */
const REMEMBERED_BYTES = 4_000_000;
const BLANK = Buffer.from('\n');
/** StackStorm's end of an output stream: two quotes, which are not JSON. */
const EOF_MESSAGE = Buffer.from("event: EOF\ndata: ''\n\n");

function listOf(c: ApiContext, name: string): string[] | undefined {
  const items = c.req
    .query(name)
    ?.split(',')
    .map((item) => item.trim())
    .filter(Boolean);
  return items && items.length > 0 ? items : undefined;
}

/** The routed path has lost the prefix of StackStorm's stream service; the URL still has it. */
function byStreamService(c: ApiContext): boolean {
  return new URL(c.req.url).pathname.startsWith('/stream/v1/');
}

function resumeFrom(c: ApiContext): number {
  const id = c.req.header('Last-Event-ID');
  return id !== undefined && /^\d{1,15}$/.test(id) ? Number(id) : -1;
}

export function st2StreamRoutes(api: Api) {
  const router = createRouter();
  const { streams, logger } = api;

  router.get('/v1/stream', requires('read'), async (c, next) => {
    if (!byStreamService(c) && !ST2_QUERY.some((name) => c.req.query(name) !== undefined)) return next();
    const wanted = nameFilter(listOf(c, 'events') ?? DEFAULT_EVENTS);
    const actions = listOf(c, 'action_refs');
    const ids = listOf(c, 'execution_ids');
    const endId = c.req.query('end_execution_id');
    const options = { headers: SSE_HEADERS, streams, logger, ping: BLANK };
    if (endId) {
      const document = await findExecution(api, endId, { fresh: true });
      const after = resumeFrom(c);
      return streamResponse(c, options, (writer) => writeExecution(api, writer, document, wanted, after));
    }
    const stop = new AbortController();
    const batches = await api.feed.open('end', stop.signal);
    return streamResponse(c, options, async (writer) => {
      writer.signal.addEventListener('abort', () => stop.abort(), { once: true });
      if (writer.signal.aborted) stop.abort();
      writer.write(BLANK);
      const documents = remembered(api);
      for await (const { events } of batches) {
        const messages: Buffer[] = [];
        for (const event of events) {
          if (ids && !ids.includes(event.executionId)) continue;
          if (event.type === 'output.appended' && !wanted(OUTPUT_EVENT)) continue;
          const document = await documents(event);
          if (!document || (actions && !actions.includes(document.action.ref))) continue;
          messages.push(...messagesOf(event, document, ids ? withoutLiveActions(wanted) : wanted));
        }
        for (const bytes of coalesce(messages)) await writer.write(bytes);
        if (writer.signal.aborted) return;
      }
    });
  });

  router.get('/v1/executions/:id/output', requires('read'), async (c, next) => {
    if (!byStreamService(c)) return next();
    const document = await findExecution(api, c.req.param('id'));
    const type = c.req.query('output_type') ?? 'all';
    const options = { headers: SSE_HEADERS, streams, logger, ping: BLANK };
    const wanted = nameFilter([OUTPUT_EVENT]);
    return streamResponse(c, options, (writer) =>
      writeExecution(api, writer, document, wanted, -1, type, EOF_MESSAGE),
    );
  });

  return router;
}

/** Writes one execution as StackStorm's SSE messages, from its first event to its end. */
async function writeExecution(
  api: Api,
  writer: Writer,
  start: ExecutionDocument,
  wanted: (name: string) => boolean,
  after: number,
  outputType = 'all',
  last?: Buffer,
): Promise<void> {
  let document = start;
  writer.write(BLANK);
  // The client read the execution before it connected; this repeats what it may have missed.
  if (!isEnd(document.status) && document.status !== 'requested')
    await send(executionMessages(document, 'update', wanted));
  for await (const item of follow(api, start.id, { after, follow: true, signal: writer.signal })) {
    if (item.kind === 'state') {
      if (item.document && item.document.through > document.through) document = item.document;
    } else if (item.kind === 'events') {
      const messages: Buffer[] = [];
      for (const event of item.events) {
        if (event.type === 'output.appended') {
          if (wanted(OUTPUT_EVENT) && (outputType === 'all' || outputType === event.stream)) {
            messages.push(...outputMessages(event, document.action, event.position));
          }
          continue;
        }
        if (event.position <= document.through && !isLast(event)) continue;
        document = applyEvent(document, event);
        if (!isLast(event)) messages.push(...executionMessages(document, 'update', wanted, event.position));
      }
      for (const bytes of coalesce(messages)) await writer.write(bytes);
    } else if (item.kind === 'end') {
      if (!isEnd(document.status)) document = (await api.index.execution(start.id)) ?? document;
      await send([
        ...executionMessages(document, 'update', wanted, item.end.position),
        ...(last ? [last] : []),
      ]);
      return;
    }
  }

  async function send(messages: Buffer[]): Promise<void> {
    for (const bytes of coalesce(messages)) await writer.write(bytes);
  }
}

function withoutLiveActions(wanted: (name: string) => boolean): (name: string) => boolean {
  return (name) => !name.startsWith('st2.liveaction__') && wanted(name);
}

function messagesOf(
  event: ExecutionEvent,
  document: ExecutionDocument,
  wanted: (name: string) => boolean,
): Buffer[] {
  if (event.type === 'output.appended') return outputMessages(event, document.action);
  return executionMessages(document, event.type === 'execution.requested' ? 'create' : 'update', wanted);
}

/** Folds events into documents; reads what began earlier from the log, once. */
function remembered(
  api: Pick<Api, 'log'>,
): (event: ExecutionEvent) => Promise<ExecutionDocument | undefined> {
  const documents = new Map<string, { document: ExecutionDocument; bytes: number }>();
  let bytes = 0;
  const forget = (id: string) => {
    bytes -= documents.get(id)?.bytes ?? 0;
    documents.delete(id);
  };
  const remember = (id: string, document: ExecutionDocument) => {
    const known = documents.get(id);
    const own = known?.document === document ? known.bytes : valueBytes(document);
    forget(id);
    documents.set(id, { document, bytes: own });
    bytes += own;
    for (const oldest of documents.keys()) {
      if (bytes <= REMEMBERED_BYTES || oldest === id) return;
      forget(oldest);
    }
  };
  return async (event) => {
    const id = event.executionId;
    let document = documents.get(id)?.document;
    if (event.type === 'execution.requested') document = applyEvent(undefined, event);
    else {
      if (!document) {
        for await (const batch of api.log.read(id, { lifecycleOnly: true })) {
          for (const past of batch) {
            if (past.position < event.position && past.type !== 'output.appended')
              document = applyEvent(document, past);
          }
        }
      }
      if (document && event.type !== 'output.appended') document = applyEvent(document, event);
    }
    if (document && !isLast(event)) remember(id, document);
    else forget(id);
    return document;
  };
}
