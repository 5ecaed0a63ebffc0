/**
 * `linefeed search`: finds lines in the output of all executions. Exits 1 if none match, as grep does.
 */

import { type Command, Option } from 'commander';
import { STATUSES } from '../../events/event.ts';
import type { SearchFacetsJson, SearchHitJson, SearchPageJson } from '../../wire/search.ts';
import type { Client, Query } from '../client.ts';
import { action, type Context, withConnection } from '../context.ts';
import { eventSource } from '../event-source.ts';
import { findExecution } from '../executions.ts';
import { EXIT } from '../exit-codes.ts';
import { onSignals } from '../interrupts.ts';
import { collect, type FormatOptions, pointInTime, resultFormat, wholeNumber } from '../output-options.ts';
import { formatNumber } from '../render/duration.ts';
import { describe, type ExecutionJson, shortId } from '../render/execution-json.ts';
import { hitLines } from '../render/hit.ts';
import { toJson } from '../render/json.ts';
import { timestamp } from '../render/output.ts';
import { safeLine } from '../render/terminal-text.ts';

interface SearchOptions {
  output: 'text' | 'json';
  timestamps?: FormatOptions['timestamps'];
  execution?: string;
  stream?: string;
  host?: string;
  action?: string;
  status?: string[];
  since?: string;
  until?: string;
  limit: number;
  context: number;
  order: 'newest' | 'oldest';
  follow?: true;
  count?: true;
}

const PAGE = 200;

async function* pages(client: Client, query: Query, limit: number): AsyncGenerator<SearchHitJson> {
  let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
  let cursor: string | undefined;
  do {
    const page = await client.json<SearchPageJson>('/v1/search', {
      query: { ...query, limit: Math.min(PAGE, left), cursor },
    });
    yield* page.hits;
    left -= page.hits.length;
    cursor = page.cursor;
  } while (cursor !== undefined && left > 0);
}

async function* live(
  client: Client,
  query: Query,
  signal: AbortSignal,
  context: Context,
): AsyncGenerator<SearchHitJson> {
  const events = eventSource(client, '/v1/search', {
    query: { ...query, follow: true },
    signal,
    ...context.terminal.connectionNotes(),
  });
  for await (const event of events) if (event.event === 'hit') yield JSON.parse(event.data) as SearchHitJson;
}

/** Prints hits: to a terminal below a heading per execution, to a pipe with the id on each line. */
function hitPrinter(
  context: Context,
  client: Client,
  options: SearchOptions,
): (hit: SearchHitJson) => Promise<void> {
  const { terminal } = context;
  const kind = options.timestamps === true ? 'long' : options.timestamps;
  let heading: string | undefined;
  return async (hit) => {
    if (options.output === 'json') return terminal.print(toJson(hit));
    const onTerminal = terminal.stdout.isTerminal;
    if (onTerminal && heading !== hit.execution_id) {
      const execution = await client
        .json<ExecutionJson>(`/v1/executions/${hit.execution_id}`)
        .catch(() => undefined);
      const description = execution ? describe(execution) : safeLine(hit.action);
      if (heading !== undefined) await terminal.print('');
      await terminal.print(
        `${terminal.style(shortId(hit.execution_id), 'magenta', 'bold')}  ${terminal.style(description, 'dim')}`,
      );
    } else if (heading !== undefined && options.context > 0) await terminal.print('--');
    heading = hit.execution_id;
    const lines = hitLines(hit, {
      terminal: onTerminal,
      style: terminal.style,
      ...(onTerminal ? {} : { id: hit.execution_id }),
      ...(kind ? { time: (at: string) => terminal.style(timestamp(at, kind), 'dim') } : {}),
    });
    for (const line of lines) await terminal.print(line);
  };
}

/** Prints new hits until a signal stops it. */
async function followHits(
  context: Context,
  client: Client,
  query: Query,
  print: (hit: SearchHitJson) => Promise<void>,
): Promise<number> {
  const interrupted = new AbortController();
  const stop = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => interrupted.abort());
  let count = 0;
  for await (const hit of live(client, query, interrupted.signal, context)) {
    await print(hit);
    count++;
  }
  stop();
  return count > 0 ? EXIT.ok : EXIT.canceled;
}

async function search(context: Context, options: SearchOptions, words: string[]): Promise<number> {
  const { terminal } = context;
  const client = await context.connect();
  const execution = options.execution ? (await findExecution(client, options.execution)).id : undefined;
  const query: Query = {
    q: words.join(' '),
    execution,
    stream: options.stream,
    host: options.host,
    action: options.action,
    status: options.status?.join(','),
    since: options.since,
    until: options.until,
    context: options.context || undefined,
  };
  if (options.count) {
    const facets = await client.json<SearchFacetsJson>('/v1/search/facets', { query });
    await terminal.print(
      options.output === 'json' ? toJson(facets) : `${facets.complete ? '' : 'at least '}${facets.total}`,
    );
    return facets.total > 0 ? EXIT.ok : EXIT.noHits;
  }
  const print = hitPrinter(context, client, options);
  if (options.follow) return followHits(context, client, query, print);
  let count = 0;
  for await (const hit of pages(client, { ...query, order: options.order }, options.limit)) {
    await print(hit);
    count++;
  }
  if (options.limit > 0 && count >= options.limit && terminal.stderr.isTerminal) {
    terminal.note(
      `showing the first ${formatNumber(count)}; for all use -n 0, or narrow the search with --since, --action, -x`,
    );
  }
  return count > 0 ? EXIT.ok : EXIT.noHits;
}

export function searchCommand(program: Command): void {
  const command = program
    .command('search')
    .alias('grep')
    .summary('find lines in the output of all executions')
    .description(
      'Finds lines in the output of all executions, running ones too. Exits 1 when no line matches.',
    )
    .argument('<query...>', 'words that the line must contain')
    .option('-x, --execution <id>', 'only this execution (id, beginning of an id, or last)')
    .addOption(new Option('--stream <name>', 'only this stream').choices(['stdout', 'stderr']))
    .option('--host <name>', 'only output of this remote host')
    .option('-a, --action <ref>', 'only executions of this action')
    .addOption(
      new Option('-s, --status <status>', 'only executions with this status; may be repeated')
        .choices(STATUSES)
        .argParser((text: string, before: string[] | undefined) => collect(text, before)),
    )
    .option('--since <time>', 'printed since this time: 10m (ago) or a date', pointInTime)
    .option('--until <time>', 'printed before this time', pointInTime)
    .option('-n, --limit <N>', 'at most N hits, 0 for all', wholeNumber(0), 100)
    .option('-C, --context <N>', 'N lines before and after each hit', wholeNumber(0), 0)
    .addOption(
      new Option('--order <order>', 'order of executions').choices(['newest', 'oldest']).default('newest'),
    )
    .option('-f, --follow', 'show new matches live')
    .option('-c, --count', 'only the number of lines that match')
    .addOption(
      new Option('--timestamps [kind]', 'time of each line: long or short').choices(['long', 'short']),
    )
    .addOption(resultFormat());
  withConnection(command).addHelpText(
    'after',
    `
The query: word          the whole word, ignoring case      word*  *part*   prefix, substring
           "a phrase"    this text                          -word           not in the line
           /re+gex/i     a regular expression (RE2)         several terms   all in one line

Examples:
  $ linefeed search timeout
  $ linefeed search '"connection refused"' -C 2 --since 1h
  $ linefeed search 'error -"error: 0"' --status failed --action core.local
  $ linefeed search '/took [0-9]{4,}ms/' -x last
  $ linefeed search panic --follow`,
  );
  action<SearchOptions, [string[]]>(command, search);
}
