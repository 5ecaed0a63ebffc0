/**
 * Every error that a user or a caller can act on has a code here, one for each cause; docs/errors.md says what each means
 * and what to do. Adapters translate their drivers' errors at their edge and keep the original as `cause`; only
 * api/http/problems.ts knows the HTTP status of a code.
 */
export const ERROR_CODES = [
  'validation-failed',
  'invalid-query',
  'invalid-cursor',
  'invalid-position',
  'invalid-checkpoint',
  'ambiguous-id',
  'too-costly',
  'unauthorized',
  'forbidden',
  'not-found',
  'role-not-here',
  'execution-not-found',
  'no-executions',
  'execution-finished',
  'output-expired',
  'stream-output-disabled',
  'idempotency-conflict',
  'too-many-requests',
  'payload-too-large',
  'action-not-found',
  'action-disabled',
  'invalid-action',
  'pack-not-found',
  'invalid-pack-file',
  'unusable-file',
  'invalid-private-key',
  'runner-not-here',
  'cannot-start',
  'invalid-config',
  'insecure-address',
  'port-in-use',
  'cannot-listen',
  'data-folder-in-use',
  'data-folder-unusable',
  'newer-data',
  'damaged-file',
  'partitions-differ',
  'event-log-unavailable',
  'output-index-unavailable',
  'keys-unavailable',
  'append-rejected',
  'index-rejected',
  'invalid-event',
  'unknown-event-type',
  'internal',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

interface ErrorDetails {
  cause?: unknown;
  /** True when the same call may succeed later. */
  retriable?: boolean;
  /** One entry per bad field, for validation failures. */
  errors?: readonly { path: string; message: string }[];
}

export class ServiceError extends Error {
  readonly code: ErrorCode;
  readonly retriable: boolean;
  readonly errors: ErrorDetails['errors'];

  /** `message` says what is wrong and what to do next; it is shown to users. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = code;
    this.retriable = details.retriable ?? false;
    this.errors = details.errors;
  }
}
