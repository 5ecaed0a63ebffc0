/**
 * The plug-in interface of runners. A runner turns a request into a process to start; capturing output, time limits,
 * cancellation, crash recovery and masking are the same for all and none of its business.
 */
import type { ActionRef } from '../events/event.ts';

/** JSON Schema of one parameter, with StackStorm's extensions. */
export interface ParameterSchema {
  type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object' | 'null' | readonly string[];
  description?: string;
  default?: unknown;
  required?: boolean;
  enum?: readonly unknown[];
  secret?: boolean;
  immutable?: boolean;
  position?: number;
  [keyword: string]: unknown;
}

export interface RunnerRequest {
  executionId: string;
  action: ActionRef;
  /** With defaults filled in and secrets in clear. */
  parameters: Record<string, unknown>;
  /** Text of an uploaded script. */
  script?: string;
  /** A private folder (mode 0700) of this execution, removed after its end; files put here survive a restart of the worker. */
  folder: string;
}

/** A process to start. It is started once; after a restart of the worker it is found again, not prepared again. */
export interface Launch {
  /** Program and arguments; no shell is involved unless the program is one. */
  command: [file: string, ...args: string[]];
  cwd?: string;
  /** Added to the configured base environment of children. */
  env?: Record<string, string>;
  /** Wrap in `stdbuf -oL -eL` where that exists. Default true; false for programs that buffer by themselves or not at all. */
  unbuffer?: boolean;
  /** Send stderr where stdout goes: one stream, in exact order. */
  merge?: boolean;
  /** Seconds until the process group is ended with status `timeout`; 0 means never. */
  timeoutS?: number;
  /**
   * Labels of the sub-streams that the process writes by itself into `<folder>/hosts/<label>.stdout` and `.stderr`,
   * besides its own stdout and stderr: one pair a remote host.
   */
  hosts?: readonly string[];
  /** Further values to mask in the output, besides those of secret parameters. */
  secrets?: readonly string[];
}

/** How the process ended, and what it left in `<folder>/result.json`, if anything. */
export interface ProcessEnd {
  exitCode: number | null;
  signal: string | null;
  result?: unknown;
}

export interface Verdict {
  succeeded: boolean;
  /** Why not, in words for a person, where the exit code alone does not say it. */
  error?: string;
  result?: unknown;
}

export interface Runner {
  /** For example `local-shell-cmd`; unique. */
  name: string;
  description: string;
  /** Parameters that every action of this runner takes. */
  parameters: Record<string, ParameterSchema>;
  /** True when it runs a file: the entry point of the action, or the script that came with the request. */
  takesScript?: boolean;
  /** @throws ServiceError `validation-failed`: shown to the user as the reason of the failed execution. */
  prepare(request: RunnerRequest): Promise<Launch>;
  /** What the end of the process means. Default: exit code 0 succeeded. */
  conclude?(end: ProcessEnd, request: { parameters: Record<string, unknown> }): Verdict;
}
