/** `linefeed retention`: what will be dropped when, by index or day. */
import type { Command } from 'commander';
import type { RetentionPlanJson, RetentionSpanJson } from '../../wire/operations.ts';
import { action, withConnection } from '../context.ts';
import { answerFormat } from '../output-options.ts';
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

/** Sentences that say what the TTLs mean and who drops. */
export function retentionWords(answer: RetentionPlanJson): string[] {
  const { output_ttl_seconds: output, executions_ttl_seconds: whole } = answer;
  const kept = (what: string, seconds: number) =>
    `${what} kept ${seconds === 0 ? 'for ever' : `${span(seconds)} after its execution's end`}`;
  const byPolicy = answer.spans.some((entry) => entry.managed_by === 'ilm');
  const who = byPolicy
    ? 'Elasticsearch drops whole indices by the lifecycle policies that Linefeed keeps.'
    : answer.sweep_interval_seconds > 0
      ? `Linefeed sweeps every ${formatDuration(answer.sweep_interval_seconds * 1000)}.`
      : 'Linefeed sweeps only when `linefeed purge` asks for it.';
  const words = [`${kept('Output is', output)}, ${kept('all the rest', whole)}. ${who}`];
  if (answer.log.engine === 'kafka' && (output > 0 || whole > 0))
    words.push('Kafka keeps the events a day longer, so that the index can be rebuilt.');
  return words;
}

/** `in 6d3h`, `now due`, `never`. */
function goes({ goes_at: at }: RetentionSpanJson, now: number): string {
  if (at === null) return 'never';
  const left = Date.parse(at) - now;
  return left <= 0 ? 'now due' : `in ${formatDuration(left)}`;
}

/** The table; times are UTC, as the days of the indices are. */
export function retentionTable(answer: RetentionPlanJson, width: number | undefined): string[] {
  const now = Date.parse(answer.now);
  const day = (text: string) => text.slice(0, 10);
  const lastDay = (text: string) => new Date(Date.parse(text) - 1).toISOString().slice(0, 10);
  const indexed = answer.spans.some(({ index }) => index !== undefined);
  const columns: Column<RetentionSpanJson>[] = [
    { title: 'WHAT', value: ({ kind }) => kind },
    {
      title: 'OF',
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
      title: 'HOLDS',
      value: ({ documents, counts }) => formatCount(documents, counts.slice(0, -1)),
      align: 'right',
    },
    { title: 'SIZE', value: ({ bytes }) => formatBytes(bytes), align: 'right' },
    { title: 'GONE', value: (entry) => goes(entry, now) },
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
    .summary('what will be dropped when')
    .description(
      'Shows what garbagecollector.action_executions_output_ttl and .action_executions_ttl will drop, and when: by index on Elasticsearch, by the day on which executions ended otherwise. What still runs is not counted.',
    )
    .addOption(answerFormat());
  withConnection(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed retention
  $ linefeed retention -o json | jq '.spans[] | select(.goes_at != null) | {kind, from, goes_at}'

linefeed purge drops now what is due.`,
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
      answer.spans.length > 0 ? retentionTable(answer, terminal.columns()) : ['Nothing has ended yet.'];
    await terminal.print([...retentionWords(answer), '', ...table].join('\n'));
  });
}
