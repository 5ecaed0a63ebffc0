/**
 * Errors as RFC 9457 problems, and the only place that knows the HTTP status of an error code. `faultstring` repeats
 * `detail` for StackStorm's client. What is not the caller's to act on leaves as a fixed text.
 */
import { HTTPException } from 'hono/http-exception';
import { type ErrorCode, ServiceError } from '../../lib/errors.ts';
import { type Problem, ProblemSchema } from '../../wire/problem.ts';

const STATUS: Record<ErrorCode, number> = {
  'validation-failed': 400,
  'invalid-query': 400,
  'invalid-cursor': 400,
  'invalid-position': 400,
  'invalid-checkpoint': 400,
  'ambiguous-id': 400,
  'too-costly': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  'role-not-here': 404,
  'execution-not-found': 404,
  'no-executions': 400,
  'execution-finished': 409,
  'output-expired': 410,
  'stream-output-disabled': 409,
  'idempotency-conflict': 409,
  'too-many-requests': 429,
  'payload-too-large': 413,
  'action-not-found': 400,
  'action-disabled': 400,
  'invalid-action': 400,
  'pack-not-found': 400,
  'invalid-pack-file': 400,
  'unusable-file': 400,
  'invalid-private-key': 400,
  'runner-not-here': 400,
  'cannot-start': 400,
  'invalid-config': 500,
  'insecure-address': 500,
  'port-in-use': 500,
  'cannot-listen': 500,
  'data-folder-in-use': 500,
  'data-folder-unusable': 500,
  'newer-data': 500,
  'damaged-file': 500,
  'partitions-differ': 500,
  'event-log-unavailable': 503,
  'output-index-unavailable': 503,
  'keys-unavailable': 503,
  'append-rejected': 500,
  'index-rejected': 500,
  'invalid-event': 500,
  'unknown-event-type': 500,
  internal: 500,
};

/** What may be said of engines that are away; where they are is the operator's to know. */
const AWAY: Partial<Record<ErrorCode, string>> = {
  'event-log-unavailable': 'The event log does not answer now. Try again shortly.',
  'output-index-unavailable': 'The output index does not answer now. Try again shortly.',
  'keys-unavailable':
    'API keys cannot be changed now, for the event log that keeps them does not answer; those that exist go on working. Try again shortly, and look at the list of keys then: the change may have come through.',
};

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  408: 'Request timeout',
  410: 'Gone',
  413: 'Payload too large',
  415: 'Unsupported media type',
  421: 'Misdirected request',
  429: 'Too many requests',
  431: 'Request header fields too large',
  500: 'Internal server error',
  501: 'Not available here',
  503: 'Service unavailable',
};

export const PROBLEM_TYPE = 'application/problem+json';

/** A response that every route may give. */
export const problemResponse = {
  description: 'What is wrong and what to do, as an RFC 9457 problem',
  content: { [PROBLEM_TYPE]: { schema: ProblemSchema } },
};

/** The problem of any error; 5xx say nothing of the inside. `requestId` lets an operator find the log entry. */
export function problemOf(error: unknown, requestId?: string): Problem {
  if (error instanceof HTTPException) {
    const status = error.status;
    return problem(
      status,
      status < 500 ? error.message || title(status) : hidden(requestId),
      `http-${status}`,
    );
  }
  if (!(error instanceof ServiceError)) return problem(500, hidden(requestId), 'internal', requestId);
  const status = STATUS[error.code] ?? 500;
  const detail =
    status === 500
      ? hidden(requestId)
      : status === 503
        ? (AWAY[error.code] ?? 'This does not answer now. Try again shortly.')
        : error.message;
  return {
    ...problem(status, detail, error.code, requestId),
    ...(error.errors ? { errors: error.errors.map((entry) => ({ ...entry })) } : {}),
  };
}

export function problem(status: number, detail: string, code: string, requestId?: string): Problem {
  return {
    type: `urn:linefeed:problem:${code}`,
    title: title(status),
    status,
    detail,
    ...(requestId ? { instance: `urn:linefeed:request:${requestId}` } : {}),
    code,
    faultstring: detail,
  };
}

/** Headers that go with a problem. */
export function problemHeaders(body: Problem): Record<string, string> {
  return {
    'Content-Type': PROBLEM_TYPE,
    ...(body.status === 429 || body.status === 503 ? { 'Retry-After': '1' } : {}),
    ...(body.status === 401 ? { 'WWW-Authenticate': 'Bearer realm="linefeed"' } : {}),
  };
}

function title(status: number): string {
  return TITLES[status] ?? 'Error';
}

function hidden(requestId: string | undefined): string {
  return `Something went wrong on our side; the server's log has the details${requestId ? ` under request ${requestId}` : ''}.`;
}
