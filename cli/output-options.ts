/**
 * The options by which every command that prints output is told how, and the renderer they make.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../lib/duration.ts';
import { CliError } from './cli-error.ts';
import type { Query } from './client.ts';
import type { Context } from './context.ts';
import { parseTime } from './render/duration.ts';
import { type ExecutionJson, shortId } from './render/execution-json.ts';
import { type OutputRenderer, outputRenderer } from './render/output.ts';
import { type Colour, PREFIX_COLOURS } from './render/style.ts';
import { safeLine } from './render/terminal-text.ts';

export interface LookOptions {
  output: 'text' | 'raw' | 'json';
  timestamps?: 'long' | 'short' | true;
  prefix?: 'auto' | 'always' | 'never';
}

export interface FilterOptions {
  lines?: number;
  since?: string;
  grep?: string;
  stream?: 'stdout' | 'stderr';
  host?: string;
}

/** Parses a whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Give a whole number, ${least} or more.`);
    }
    return value;
  };
}

/** Parses `90s`, `1h30m`, `1hour` to milliseconds; a bare number counts seconds. */
export function durationMs(text: string): number {
  const ms = parseDuration(text, 1000);
  if (ms === undefined) throw new InvalidArgumentError('Give a duration, for example 90s, 5m or 1h30m.');
  return ms;
}

/** Parses `10m` (ago) or a date to RFC 3339. */
export function pointInTime(text: string): string {
  const at = parseTime(text);
  if (at === undefined) {
    throw new InvalidArgumentError('Give how long ago (10m, 1h30m) or a time (2026-11-23T14:00:00Z).');
  }
  return at;
}

/** Collects a repeated option. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

export const outputFormat = () =>
  new Option('-o, --output <format>', 'text, raw (every byte, also to a terminal) or json (an object a line)')
    .choices(['text', 'raw', 'json'])
    .default('text');

/** `-o text|json`, for commands whose answer is not a command's output. */
export const answerFormat = () =>
  new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text');

export function withLook(command: Command): Command {
  return command
    .addOption(outputFormat())
    .addOption(
      new Option(
        '--timestamps [kind]',
        'time before each line: long (RFC 3339) or short (local clock)',
      ).choices(['long', 'short']),
    )
    .addOption(
      new Option('--prefix <when>', 'id or host before each line (auto: with several of them)')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    );
}

export function withFilters(command: Command): Command {
  return command
    .option(
      '-n, --lines <N>',
      'begin with the last N lines (of those that the filters leave)',
      wholeNumber(0),
    )
    .option('--since <time>', 'only lines printed since then: 10m (ago) or a time', pointInTime)
    .option('--grep <regex>', 'only lines that match (RE2 syntax)')
    .addOption(new Option('--stream <name>', 'only this stream').choices(['stdout', 'stderr']))
    .option('--host <name>', 'only what this remote host printed');
}

/** How long a lost connection is tried again. */
export const reconnectLimit = () =>
  new Option('--reconnect <duration>', 'give up when the server is away for longer; 0 gives up at once')
    .argParser(durationMs)
    .default(300_000, '5m');

/** The API's query for the filters. */
export function filterQuery(options: FilterOptions): Query {
  return { grep: options.grep, stream: options.stream, host: options.host, since: options.since };
}

/** `key=value` pairs to an object. */
export function pairs(list: readonly string[] | undefined, what: string): Record<string, string> {
  return Object.fromEntries(
    (list ?? []).map((pair) => {
      const at = pair.indexOf('=');
      if (at <= 0) throw new CliError(`"${pair}" is no ${what}`, { hint: `Write ${what}s as NAME=value.` });
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function isRemote(execution: ExecutionJson): boolean {
  return /remote/.test(execution.action.runner_type ?? execution.runner?.name ?? '');
}

/** The renderer for these executions on this terminal. */
export function rendererFor(
  context: Context,
  options: LookOptions,
  executions: readonly ExecutionJson[],
): OutputRenderer {
  const { terminal } = context;
  const several = executions.length > 1;
  const onTerminal = terminal.stdout.isTerminal;
  const when = options.prefix ?? 'auto';
  const hosts = onTerminal && executions.some(isRemote);
  const wanted = when === 'always' || (when === 'auto' && (several || hosts));
  const colours = new Map(
    executions.map(({ id }, index) => [id, PREFIX_COLOURS[index % PREFIX_COLOURS.length] as Colour]),
  );
  return outputRenderer({
    format: options.output,
    stdout: terminal.stdout,
    stderr: terminal.stderr,
    timestamps: options.timestamps === true ? 'long' : options.timestamps,
    paintTime: (text) => terminal.style(text, 'dim'),
    prefix: wanted
      ? (chunk) => {
          const id = several || chunk.host === undefined ? shortId(chunk.execution_id) : '';
          const name = [id, chunk.host === undefined ? '' : safeLine(chunk.host)].filter(Boolean).join(' ');
          const mark = chunk.stream === 'stderr' ? '!' : '|';
          return `${terminal.style(`${name} ${mark}`, colours.get(chunk.execution_id) ?? 'cyan')} `;
        }
      : undefined,
  });
}
