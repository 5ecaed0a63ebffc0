/** An execution's output so far, and then as it is printed: raw, NDJSON or SSE, as `Accept` asks. */
import { createRoute, z } from '@hono/zod-openapi';
import { isEnd, type StreamName } from '../../events/event.ts';
import { ServiceError } from '../../lib/errors.ts';
import { compileExpression, createBudget, TooCostly } from '../../lib/re2.ts';
import type { ExecutionDocument } from '../../projections/execution-document.ts';
import type { Api } from '../deps.ts';
import { checkPosition, findExecution } from '../executions/find-execution.ts';
import { requires } from '../http/authentication.ts';
import { problemResponse } from '../http/problems.ts';
import { type ApiContext, createRouter } from '../http/router.ts';
import { booleanQuery, EventStream, IdParam, integerQuery, streamQuery, timeQuery } from '../http/schemas.ts';
import { SSE_HEADERS, SSE_START } from '../http/sse.ts';
import { streamResponse } from '../http/stream-response.ts';
import { type Format, ndjsonFormat, rawFormat, sseFormat } from '../output/formats.ts';
import type { LineFilter, LineTest } from '../output/line-selection.ts';
import { inSlices } from '../output/slices.ts';
import { writeOutput } from '../output/write-output.ts';

const Query = z.object({
  follow: booleanQuery('follow', true),
  tail: integerQuery('tail', { max: 100_000_000 }).openapi({
    description: 'Begin with the last so many lines, counted after filtering',
  }),
  from_line: integerQuery('from_line', { min: 1 }),
  to_line: integerQuery('to_line', { min: 1 }),
  since: timeQuery('since'),
  timestamps: booleanQuery('timestamps', false).openapi({
    description: 'Begin each line of text with its time',
  }),
  grep: z
    .string()
    .max(1000)
    .optional()
    .openapi({ description: 'Only lines that match this RE2 regular expression' }),
  host: z.string().max(300).optional(),
  stream: streamQuery(),
  output_type: streamQuery().openapi({ description: "StackStorm's name of `stream`" }),
  after: integerQuery('after', { min: -1 }).openapi({
    description: 'Only what has a greater position; Last-Event-ID wins',
  }),
  format: z.enum(['text', 'ndjson', 'sse']).optional().openapi({ description: 'Wins over Accept' }),
  download: booleanQuery('download', false),
});
type OutputQuery = z.output<typeof Query>;

const Headers = z.object({
  'last-event-id': z
    .string()
    .max(40)
    .optional()
    .openapi({ description: 'Position of the last SSE message received' }),
});

const responses = {
  200: {
    description: 'The output',
    content: {
      'text/plain': { schema: z.string() },
      'application/x-ndjson': { schema: z.string() },
      'text/event-stream': { schema: EventStream },
    },
  },
  204: { description: 'The client has everything, the end included' },
  default: problemResponse,
};

function outputRoute(name: 'output' | StreamName) {
  return createRoute({
    method: 'get',
    path: `/v1/executions/{id}/${name}`,
    tags: ['Output'],
    summary: `${name === 'output' ? 'Both streams' : name} of an execution, followed live`,
    middleware: [requires('read')] as const,
    request: { params: IdParam, query: Query, headers: Headers },
    responses,
  });
}

export function outputRoutes(api: Api) {
  const router = createRouter();
  const { logger, streams } = api;

  for (const [name, stream] of [
    ['output', undefined],
    ['stdout', 'stdout'],
    ['stderr', 'stderr'],
  ] as const) {
    router.openapi(
      outputRoute(name),
      async (c) =>
        (await answer(c, c.req.valid('param'), c.req.valid('query'), c.req.valid('header'), stream)) as never,
    );
  }

  async function answer(
    c: ApiContext,
    { id }: { id: string },
    query: OutputQuery,
    headers: z.output<typeof Headers>,
    only: StreamName | undefined,
  ): Promise<Response> {
    const format = formatOf(c, query);
    const sse = format.contentType.startsWith('text/event-stream');
    const after = resumeFrom(headers['last-event-id']) ?? query.after;
    const document = await findExecution(api, id);
    if (!api.config.worker.streamOutput && !isEnd(document.status)) {
      throw new ServiceError(
        'stream-output-disabled',
        'Output of running executions is not streamed here: worker.streamOutput is false. ' +
          'It can be read once the execution has ended.',
      );
    }
    if (after !== undefined) await checkPosition(api, document, after);
    if (sse && after !== undefined && isEnd(document.status) && after >= document.through)
      return c.body(null, 204);
    refuseExpired(document, format, after);

    const filter = filterOf(query, only);
    const name = `${document.id}${only ? `.${only}` : ''}.${format.contentType.includes('ndjson') ? 'jsonl' : 'log'}`;
    return streamResponse(
      c,
      {
        headers: {
          ...(sse ? SSE_HEADERS : { 'Content-Type': format.contentType, 'X-Accel-Buffering': 'no' }),
          ...(query.download ? { 'Content-Disposition': `attachment; filename="${name}"` } : {}),
          'X-Execution-Id': document.id,
        },
        streams,
        logger,
        ...(format.ping ? { ping: format.ping } : {}),
        ...(format.bye ? { bye: format.bye } : {}),
      },
      async (writer) => {
        if (sse) writer.write(SSE_START);
        const request = {
          executionId: document.id,
          follow: query.follow !== false,
          after,
          tail: query.tail,
          filter,
          stopAfterRange: !sse,
        };
        try {
          await writeOutput(api, request, format, writer);
        } catch (error) {
          if (!(error instanceof TooCostly)) throw error;
          if (format.failed) writer.write(format.failed(error));
          else writer.cut();
        }
      },
    );
  }

  return router;
}

function filterOf(query: OutputQuery, only: StreamName | undefined): LineFilter {
  const stream = only ?? query.stream ?? query.output_type;
  return {
    ...(stream === undefined ? {} : { stream }),
    ...(query.host ? { host: query.host } : {}),
    ...(query.from_line === undefined ? {} : { fromSeq: query.from_line }),
    ...(query.to_line === undefined ? {} : { toSeq: query.to_line }),
    ...(query.since === undefined ? {} : { since: query.since }),
    ...(query.grep ? { matches: lineTest(query.grep) } : {}),
  };
}

function formatOf(c: ApiContext, query: OutputQuery): Format {
  const accept = c.req.header('Accept') ?? '*/*';
  const wanted =
    query.format ??
    (accept.includes('text/event-stream')
      ? 'sse'
      : accept.includes('application/x-ndjson')
        ? 'ndjson'
        : 'text');
  if (wanted === 'sse') return sseFormat();
  return wanted === 'ndjson' ? ndjsonFormat() : rawFormat(query.timestamps === true);
}

function resumeFrom(lastEventId: string | undefined): number | undefined {
  if (lastEventId === undefined || lastEventId === '') return undefined;
  if (/^\d{1,15}$/.test(lastEventId)) return Number(lastEventId);
  throw new ServiceError(
    'invalid-position',
    'Last-Event-ID is not a position of this execution. Omit it to start at the beginning.',
  );
}

/** Raw text cannot say that something is missing, so it is refused when nothing is left to send. */
function refuseExpired(document: ExecutionDocument, format: Format, after: number | undefined): void {
  const trimmed = document.outputPurgedThrough;
  if (format.trimmed || trimmed === undefined || !isEnd(document.status) || (after ?? -1) >= trimmed) return;
  throw new ServiceError(
    'output-expired',
    `The output of this execution was dropped by retention (retention.outputTtl). Its record is kept: GET /v1/executions/${document.id}`,
  );
}

function lineTest(expression: string): LineTest {
  try {
    const compiled = compileExpression(expression);
    const budget = createBudget();
    return inSlices((text) => compiled.test(text, budget));
  } catch (cause) {
    throw new ServiceError(
      'invalid-query',
      `grep is not a regular expression that RE2 accepts: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}
