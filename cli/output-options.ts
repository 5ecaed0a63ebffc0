/**
 * The options of commands that print output, and the renderer they select.
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

export interface FormatOptions {
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

/** Parses a whole number of at least `minimum`. */
export function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < minimum) {
      throw new InvalidArgumentError(`Expected a whole number of at least ${minimum}.`);
    }
    return value;
  };
}

/** Parses `90s`, `1h30m`, `1hour` to milliseconds; a bare number counts seconds. */
export function durationMs(text: string): number {
  const ms = parseDuration(text, 1000);
  if (ms === undefined) throw new InvalidArgumentError('Expected a duration, for example 90s, 5m or 1h30m.');
  return ms;
}

/** Parses `10m` (ago) or a date to RFC 3339. */
export function pointInTime(text: string): string {
  const at = parseTime(text);
  if (at === undefined) {
    throw new InvalidArgumentError(
      'Expected a duration before now (10m, 1h30m) or a time (2026-11-23T14:00:00Z).',
    );
  }
  return at;
}

/** Collects a repeated option. */
export function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}

const outputFormat = () =>
  new Option(
    '-o, --output <format>',
    'text, raw (every byte, even to a terminal) or json (one object per line)',
  )
    .choices(['text', 'raw', 'json'])
    .default('text');

/** `-o text|json`, for commands that print no output of executions. */
export const resultFormat = () =>
  new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text');

export function withFormat(command: Command): Command {
  return command
    .addOption(outputFormat())
    .addOption(
      new Option(
        '--timestamps [kind]',
        'time before each line: long (RFC 3339) or short (local clock)',
      ).choices(['long', 'short']),
    )
    .addOption(
      new Option('--prefix <when>', 'id or host before each line (auto: if there is more than one)')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    );
}

export function withFilters(command: Command): Command {
  return command
    .option('-n, --lines <N>', 'begin with the last N lines that match the filters', wholeNumber(0))
    .option('--since <time>', 'only lines printed since this time: 10m (ago) or a date', pointInTime)
    .option('--grep <regex>', 'only lines that match (RE2 syntax)')
    .addOption(new Option('--stream <name>', 'only this stream').choices(['stdout', 'stderr']))
    .option('--host <name>', 'only output of this remote host');
}

/** How long to retry after a lost connection. */
export const reconnectLimit = () =>
  new Option('--reconnect <duration>', 'retry for this long if the server is unavailable; 0 means no retries')
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
      if (at <= 0)
        throw new CliError(`"${pair}" is not NAME=value`, { hint: `Write each ${what} as NAME=value.` });
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
  options: FormatOptions,
  executions: readonly ExecutionJson[],
): OutputRenderer {
  const { terminal } = context;
  const several = executions.length > 1;
  const onTerminal = terminal.stdout.isTerminal;
  const when = options.prefix ?? 'auto';
  const hosts = onTerminal && executions.some(isRemote);
  const hasPrefix = when === 'always' || (when === 'auto' && (several || hosts));
  const colours = new Map(
    executions.map(({ id }, index) => [id, PREFIX_COLOURS[index % PREFIX_COLOURS.length] as Colour]),
  );
  return outputRenderer({
    format: options.output,
    stdout: terminal.stdout,
    stderr: terminal.stderr,
    timestamps: options.timestamps === true ? 'long' : options.timestamps,
    paintTime: (text) => terminal.style(text, 'dim'),
    prefix: hasPrefix
      ? (chunk) => {
          const id = several || chunk.host === undefined ? shortId(chunk.execution_id) : '';
          const name = [id, chunk.host === undefined ? '' : safeLine(chunk.host)].filter(Boolean).join(' ');
          const mark = chunk.stream === 'stderr' ? '!' : '|';
          return `${terminal.style(`${name} ${mark}`, colours.get(chunk.execution_id) ?? 'cyan')} `;
        }
      : undefined,
  });
}
