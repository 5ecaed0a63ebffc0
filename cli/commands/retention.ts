/** `linefeed retention`: what expires when, by index or day. */
import type { Command } from 'commander';
import type { RetentionPlanJson, RetentionSpanJson } from '../../wire/operations.ts';
import { action, withConnection } from '../context.ts';
import { resultFormat } from '../output-options.ts';
import { formatBytes, formatCount, formatDuration } from '../render/duration.ts';
import { toJson } from '../render/json.ts';
import { type Column, renderTable } from '../render/table.ts';
import { safeLine } from '../render/terminal-text.ts';

const DAY_MS = 86_400_000;

/** `7 days`, `36h00m`. */
function span(seconds: number): string {
  const ms = seconds * 1000;
  return ms >= DAY_MS && ms % DAY_MS === 0 ? formatCount(ms / DAY_MS, 'day') : formatDuration(ms);
}

/** Sentences that explain the TTLs and what deletes expired data. */
function retentionSummary(answer: RetentionPlanJson): string[] {
  const { output_ttl_seconds: output, executions_ttl_seconds: whole } = answer;
  const expiry = (what: string, seconds: number) =>
    seconds === 0 ? `${what} never expires` : `${what} expires ${span(seconds)} after its execution's end`;
  const byPolicy = answer.spans.some((entry) => entry.managed_by === 'ilm');
  const sweeper = byPolicy
    ? 'Elasticsearch deletes whole indices; Linefeed maintains the lifecycle policies.'
    : answer.sweep_interval_seconds > 0
      ? `Linefeed deletes expired data every ${formatDuration(answer.sweep_interval_seconds * 1000)}.`
      : 'Only `linefeed purge` deletes expired data.';
  const words = [`${expiry('Output', output)}, ${expiry('all other data', whole)}. ${sweeper}`];
  if (answer.log.engine === 'kafka' && (output > 0 || whole > 0))
    words.push('Kafka keeps events one day longer, so that the index can be rebuilt.');
  return words;
}

/** `in 6d3h`, `now`, `never`. */
function expiresIn({ goes_at: at }: RetentionSpanJson, now: number): string {
  if (at === null) return 'never';
  const left = Date.parse(at) - now;
  return left <= 0 ? 'now' : `in ${formatDuration(left)}`;
}

/** The table. Times are UTC: indices are by UTC day. */
function retentionTable(answer: RetentionPlanJson, width: number | undefined): string[] {
  const now = Date.parse(answer.now);
  const day = (text: string) => text.slice(0, 10);
  const lastDay = (text: string) => new Date(Date.parse(text) - 1).toISOString().slice(0, 10);
  const indexed = answer.spans.some(({ index }) => index !== undefined);
  const columns: Column<RetentionSpanJson>[] = [
    { title: 'DATA', value: ({ kind }) => kind },
    {
      title: 'DAYS',
      value: ({ from, to }) => (day(from) === lastDay(to) ? day(from) : `${day(from)} – ${lastDay(to)}`),
    },
    ...(indexed
      ? [
          {
            title: 'INDEX',
            value: ({ index = '' }: RetentionSpanJson) => safeLine(index),
            flexible: true,
            fromWidth: 100,
          },
        ]
      : []),
    {
      title: 'CONTENT',
      value: ({ documents, counts }) => formatCount(documents, counts.slice(0, -1)),
      align: 'right',
    },
    { title: 'SIZE', value: ({ bytes }) => formatBytes(bytes), align: 'right' },
    { title: 'EXPIRES', value: (entry) => expiresIn(entry, now) },
    {
      title: 'AT (UTC)',
      value: ({ goes_at: at }) => (at === null ? '' : at.slice(0, 16).replace('T', ' ')),
      fromWidth: 80,
    },
  ];
  return renderTable(answer.spans, columns, width);
}

export function retentionCommand(program: Command): void {
  const command = program
    .command('retention')
    .summary('show what expires when')
    .description(
      'Shows what expires when: by index on Elasticsearch, otherwise by the day on which executions ended. Does not count running executions.',
    )
    .addOption(resultFormat());
  withConnection(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed retention
  $ linefeed retention -o json | jq '.spans[] | select(.goes_at != null) | {kind, from, goes_at}'

linefeed purge deletes expired data now.`,
  );
  action<{ output: 'text' | 'json' }, []>(command, async (context, options) => {
    const { terminal } = context;
    const client = await context.connect();
    const answer = await client.json<RetentionPlanJson>('/v1/retention');
    if (options.output === 'json') {
      await terminal.print(toJson(answer));
      return;
    }
    const table =
      answer.spans.length > 0 ? retentionTable(answer, terminal.columns()) : ['No execution has ended yet.'];
    await terminal.print([...retentionSummary(answer), '', ...table].join('\n'));
  });
}
