/**
 * The interface of runners, for plug-ins too (docs/runners.md). A runner turns a request into a process to start. Linefeed
 * starts the process, captures and masks its output, enforces time limits, cancels it, and takes it over after a restart.
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
  /** StackStorm's runner does not have this parameter of a runner. An action that declares the name replaces it: the value is the action's. */
  extension?: boolean;
  [keyword: string]: unknown;
}

/** What to run. */
export interface RunnerRequest {
  executionId: string;
  action: ActionRef;
  /** Checked, with defaults filled in and secrets in clear text. */
  parameters: Record<string, unknown>;
  /** Text of the script that the request brought; only if the runner has `takesScript`. */
  script?: string;
  /** Absolute path of the execution's private folder (mode 0700). Its files survive a restart of the worker and are removed after the end. */
  folder: string;
}

/** A process to start. Linefeed starts it once; a restarted worker takes over the running process and does not call `prepare` again. */
export interface Launch {
  /** Program and arguments. No shell reads them unless the program is a shell. */
  command: [file: string, ...args: string[]];
  cwd?: string;
  /** Variables added to the configured environment of commands; these win. */
  env?: Record<string, string>;
  /** Make C programs write each line at once, where coreutils' `stdbuf` is installed. Default true; set false for programs that flush by themselves. */
  unbuffer?: boolean;
  /** Send stderr to stdout: one stream, in exact order. Default false. */
  merge?: boolean;
  /** Time limit in seconds; then Linefeed ends the process group, with status `timeout`. 0 means no limit. */
  timeoutS?: number;
  /**
   * Labels of remote hosts. The process writes the output of each host to `<folder>/hosts/<label>.stdout` and `.stderr`, besides
   * its own stdout and stderr.
   */
  hosts?: readonly string[];
  /** More values to mask in the output; those of secret parameters are masked anyway. */
  secrets?: readonly string[];
}

/** How the process ended. */
export interface ProcessEnd {
  exitCode: number | null;
  signal: string | null;
  /** The content of `<folder>/result.json`, if the process wrote that file. */
  result?: unknown;
}

/** Whether the execution succeeded, and its result. */
export interface Verdict {
  succeeded: boolean;
  /** The reason for a failure, for people; leave it out if the exit code says enough. */
  error?: string;
  /** JSON; becomes `result.result` of the execution. */
  result?: unknown;
}

export interface Runner {
  /** Unique; the `runner_type` of action files, for example `local-shell-cmd`. */
  name: string;
  description: string;
  /** Parameters that every action of this runner takes. */
  parameters: Record<string, ParameterSchema>;
  /** True if it runs a file: the entry point of the action, or the script of the request. */
  takesScript?: boolean;
  /** @throws an Error to refuse the request; users see its message as the reason of the failed execution. */
  prepare(request: RunnerRequest): Promise<Launch>;
  /** Judges the end of the process. Default: exit code 0 means success. */
  conclude?(end: ProcessEnd, request: { parameters: Record<string, unknown> }): Verdict;
}
