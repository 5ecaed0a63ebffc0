/**
 * `linefeed replay` and `events`: output at its original pace, and the events of the log.
 */

import { type Command, InvalidArgumentError } from 'commander';
import { abortableSleep } from '../../lib/abortable-sleep.ts';
import type { Client, Query } from '../client.ts';
import { action, type Context, withConnection } from '../context.ts';
import { eventSource } from '../event-source.ts';
import { findExecution } from '../executions.ts';
import { EXIT } from '../exit-codes.ts';
import { onSignals } from '../interrupts.ts';
import { collect, type FormatOptions, rendererFor, resultFormat, withFormat } from '../output-options.ts';
import { formatDuration } from '../render/duration.ts';
import { type AnyEvent, eventLine } from '../render/event.ts';
import { toJson } from '../render/json.ts';
import type { OutputChunk } from '../render/output.ts';

interface ReplayOptions extends FormatOptions {
  speed: number | 'max';
}

interface EventsOptions {
  follow?: true;
  type?: string[];
  action?: string;
  output: 'text' | 'json';
}

function speed(text: string): number | 'max' {
  if (text === 'max') return text;
  const value = Number(text.replace(/x$/, ''));
  if (!(value > 0) || !Number.isFinite(value)) {
    throw new InvalidArgumentError(
      'Expected a factor above 0 (1 is the original pace, 10 is ten times faster) or max.',
    );
  }
  return value;
}

/** An execution's events so far, and live events if `query.follow` is set. */
async function* executionEvents(
  client: Client,
  id: string,
  query: Query,
  signal: AbortSignal,
  context: Context,
): AsyncGenerator<AnyEvent> {
  const events = eventSource(client, `/v1/executions/${id}/events`, {
    query,
    signal,
    untilClosed: query.follow !== true,
    ...context.terminal.connectionNotes(),
  });
  for await (const event of events) {
    if (event.event === 'end' || event.event === 'trimmed') continue;
    const data = JSON.parse(event.data) as AnyEvent;
    yield { ...data, type: data.type ?? event.event ?? 'message' };
  }
}

export function replayCommand(program: Command): void {
  const command = program
    .command('replay')
    .summary('replay output at its original pace')
    .description('Shows the output of an execution again, with the original pauses or faster.')
    .argument('<id>', 'execution id, the beginning of one, or last')
    .option(
      '--speed <factor>',
      '1 is the original pace, 10 is ten times faster, max has no pauses',
      speed,
      1,
    );
  withConnection(withFormat(command)).addHelpText(
    'after',
    `
Examples:
  $ linefeed replay last
  $ linefeed replay 01a2b3c4-d5e6 --speed 20 --timestamps=short`,
  );
  action<ReplayOptions, [string]>(command, async (context, options, id) => {
    const { terminal } = context;
    const client = await context.connect();
    const execution = await findExecution(client, id);
    const renderer = rendererFor(context, options, [execution]);
    const interrupted = new AbortController();
    const stop = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => interrupted.abort());
    // Each pause counts from the start, so that a slow terminal does not shift the later pauses.
    let firstAt: number | undefined;
    let lastAt = 0;
    const start = performance.now();
    for await (const event of executionEvents(
      client,
      execution.id,
      { follow: false },
      interrupted.signal,
      context,
    )) {
      if (event.type === 'execution.started' || event.type === 'output.appended') {
        const at = Date.parse(event.at);
        firstAt ??= at;
        lastAt = Math.max(lastAt, at);
        if (options.speed !== 'max') {
          const due = (lastAt - firstAt) / options.speed - (performance.now() - start);
          if (due > 1) await abortableSleep(due, interrupted.signal);
        }
      }
      if (interrupted.signal.aborted) break;
      if (event.type === 'output.appended')
        await terminal.write(renderer.chunk(event as unknown as OutputChunk));
    }
    stop();
    await terminal.write(renderer.end(undefined, execution.id));
    if (interrupted.signal.aborted) return EXIT.canceled;
    if (terminal.stderr.isTerminal && firstAt !== undefined) {
      terminal.note(`end of replay · original duration ${formatDuration(lastAt - firstAt)}`);
    }
    return EXIT.ok;
  });
}

export function eventsCommand(program: Command): void {
  const command = program
    .command('events')
    .summary('show the events of one execution, or of all')
    .description(
      'With an id: shows the events of that execution, with --follow until it ends. ' +
        'Without an id: shows the new events of all executions.',
    )
    .argument('[id]', 'execution id, the beginning of one, or last')
    .option('-f, --follow', 'with an id: follow it until it ends')
    .option(
      '-t, --type <type>',
      'only these types, for example execution.completed; may be repeated',
      collect,
    )
    .option('-a, --action <ref>', 'only executions of this action')
    .addOption(resultFormat());
  withConnection(command).addHelpText(
    'after',
    `
Types: execution.requested, .scheduled, .started, .cancel_requested, .completed, .abandoned; output.appended.

Examples:
  $ linefeed events last
  $ linefeed events --type execution.completed -o json`,
  );
  action<EventsOptions, [string | undefined]>(command, async (context, options, id) => {
    const { terminal } = context;
    const client = await context.connect();
    const interrupted = new AbortController();
    const stop = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => interrupted.abort());
    const print = async (event: AnyEvent) => {
      if (options.type && !options.type.includes(event.type)) return;
      await terminal.print(options.output === 'json' ? toJson(event) : eventLine(event, terminal));
    };
    if (id !== undefined) {
      const execution = await findExecution(client, id);
      const query = { follow: options.follow === true };
      for await (const event of executionEvents(client, execution.id, query, interrupted.signal, context)) {
        await print(event);
        if (event.type === 'execution.completed' || event.type === 'execution.abandoned') break;
      }
    } else {
      const events = eventSource(client, '/v1/stream', {
        query: { type: options.type?.join(','), action: options.action },
        signal: interrupted.signal,
        ...terminal.connectionNotes(),
      });
      for await (const event of events) {
        const data = JSON.parse(event.data) as AnyEvent;
        await print({ ...data, type: data.type ?? event.event ?? 'message' });
      }
    }
    stop();
    return interrupted.signal.aborted ? EXIT.canceled : EXIT.ok;
  });
}
