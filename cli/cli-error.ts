/**
 * An error that the user can act on: printed as `linefeed: …` and a hint, without a stack trace.
 */
import { EXIT } from './exit-codes.ts';

export class CliError extends Error {
  readonly exitCode: number;
  /** What to do next; printed on its own lines. */
  readonly hint: string | undefined;
  /** HTTP status and problem code, if a server responded. */
  readonly status: number | undefined;
  readonly code: string | undefined;
  /** True if the same call may succeed later: no connection, or a busy server. */
  readonly retriable: boolean;

  constructor(
    message: string,
    details: {
      hint?: string | undefined;
      exitCode?: number;
      status?: number;
      code?: string | undefined;
      retriable?: boolean;
      cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.exitCode = details.exitCode ?? EXIT.error;
    this.hint = details.hint;
    this.status = details.status;
    this.code = details.code;
    this.retriable = details.retriable ?? false;
  }
}
