/**
 * Builds the request of `run` from the words and options of its command line.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CliError } from './cli-error.ts';
import type { Client } from './client.ts';
import { pairs } from './output-options.ts';
import { parametersOf, parameterValues } from './parameters.ts';
import { commandLine, quoteWord } from './quote.ts';

export interface RequestOptions {
  /** The words follow `--`: they are a command, even if they look like an action. */
  literal?: boolean;
  action?: string;
  param?: string[];
  script?: string;
  /** Milliseconds. */
  timeout?: number;
  cwd?: string;
  env?: string[];
  label?: string[];
}

interface RunRequest {
  action: string;
  parameters: Record<string, unknown>;
  script?: string;
  labels?: Record<string, string>;
}

function readScript(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CliError(`cannot read the script ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** The Python action if the name or the first line says Python, else the shell action. */
function scriptAction(file: string, text: string): string {
  return file.endsWith('.py') || /^#!.*\bpython[\d.]*\b/.test(text) ? 'core.python' : 'core.local_script';
}

/** The CLI's own working directory, for commands that run on this machine. */
function workingDirectory(client: Client, request: RunRequest, options: RequestOptions): string | undefined {
  if (options.cwd !== undefined) return resolve(options.cwd);
  const local = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(new URL(client.connection.url).hostname);
  const applies = options.action === undefined && request.action !== 'core.python';
  return local && applies && request.parameters.cwd === undefined ? process.cwd() : undefined;
}

/**
 * `run disk.report path=/srv`, as in StackStorm: without `--`, the first word may name an action of the catalogue. Pairs
 * are its parameters; other words are the command, if the action has a parameter `cmd`.
 */
async function namedAction(
  client: Client,
  words: readonly string[],
  options: RequestOptions,
): Promise<{ action: string; pairs: string[]; words: string[] } | undefined> {
  const [ref, ...rest] = words;
  if (options.literal || options.action || options.script || !ref || !/^[\w-]+\.[\w.-]+$/.test(ref))
    return undefined;
  const parameters = await parametersOf(client, ref).catch(() => undefined);
  if (!parameters) return undefined;
  const given = rest.filter((word) => /^\w[\w-]*:?=/.test(word));
  const others = rest.filter((word) => !given.includes(word));
  const [stray] = others;
  if (stray !== undefined && !('cmd' in parameters)) {
    throw new CliError(`"${stray}" is not a parameter of ${ref}`, {
      hint: `Write key=value; \`linefeed actions ${ref}\` lists the parameters. To run a command with this name: linefeed run -- ${ref} …`,
    });
  }
  return { action: ref, pairs: given, words: others };
}

/** @throws CliError when there is nothing to run, a pair is malformed, or a file cannot be read. */
export async function buildRequest(
  client: Client,
  given: string[],
  asked: RequestOptions,
): Promise<RunRequest> {
  const named = await namedAction(client, given, asked);
  const words = named?.words ?? given;
  const options: RequestOptions = named
    ? { ...asked, action: named.action, param: [...named.pairs, ...(asked.param ?? [])] }
    : asked;
  const request: RunRequest = { action: options.action ?? 'core.local', parameters: {} };
  if (options.script) {
    const text = readScript(options.script);
    request.script = text;
    request.action = options.action ?? scriptAction(options.script, text);
    if (words.length > 0) request.parameters.args = words;
  } else if (words.length > 0) {
    const [only] = words;
    // `run -- "/path with spaces/prog"`: a single word is a shell line, unless it is the path of a program.
    const program = words.length === 1 && /\s/.test(only as string) && existsSync(only as string);
    request.parameters.cmd = program ? quoteWord(only as string) : commandLine(words);
  } else if (!options.action) {
    throw new CliError('nothing to run', {
      hint: 'Write the command after --, for example: linefeed run -- make -j4\nor give an action (--action core.local -p cmd=date) or a script (--script build.sh).',
    });
  }
  Object.assign(request.parameters, await parameterValues(client, request.action, options.param ?? []));
  const cwd = workingDirectory(client, request, options);
  if (cwd !== undefined) request.parameters.cwd = cwd;
  if (options.env) request.parameters.env = pairs(options.env, 'environment variable');
  if (options.timeout !== undefined)
    request.parameters.timeout = Math.max(1, Math.ceil(options.timeout / 1000));
  // The default of 60 s is for actions; a command from the command line has no time limit.
  else if (options.action === undefined) request.parameters.timeout ??= 0;
  if (options.label) request.labels = pairs(options.label, 'label');
  return request;
}
