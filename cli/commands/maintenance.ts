/**
 * `linefeed rebuild` and `purge`: the index from the log again, and retention now. Both are done by the server; this
 * shows how far it is and what came of it.
 */

import type { Command } from 'commander';
import type { PurgeReportJson, RebuildJson } from '../../wire/admin.ts';
import { CliError } from '../cli-error.ts';
import { action, withConnection } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { onSignals } from '../interrupts.ts';
import { answerFormat } from '../output-options.ts';
import { formatBytes, formatCount, formatDuration } from '../render/duration.ts';
import { toJson } from '../render/json.ts';
import { progressLine } from '../render/progress.ts';

const POLL_MS = 250;

export function rebuildCommand(program: Command): void {
  const command = program
    .command('rebuild')
    .summary('make the index again from the event log')
    .description(
      'Drops the output index and makes it again from the event log, which stays as it is. Readers keep the old index until the new one is complete.',
    )
    .option('--no-wait', 'return at once')
    .addOption(answerFormat());
  withConnection(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed rebuild
  $ linefeed rebuild -o json | jq .elapsed_ms`,
  );
  action<{ wait: boolean; output: 'text' | 'json' }, []>(command, async (context, options) => {
    const { terminal } = context;
    const client = await context.connect();
    await client.json('/v1/rebuild', { method: 'POST', body: {} });
    if (!options.wait) {
      terminal.note('linefeed: rebuilding; `linefeed rebuild` shows how far it is');
      return EXIT.ok;
    }
    let left = false;
    const stop = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => {
      left = true;
    });
    const live = terminal.stderr.isTerminal && options.output === 'text';
    for (;;) {
      const state = await client.json<RebuildJson>('/v1/rebuild');
      const columns = terminal.stderr.columns?.() ?? 80;
      // Spaces clear the rest of the line: no escape sequence for those who want none.
      if (live && state.total_events) {
        const progress = { ...state, total_events: state.total_events };
        process.stderr.write(`\r${progressLine(progress, columns).padEnd(columns - 1)}`);
      }
      if (left) {
        if (live) process.stderr.write('\n');
        terminal.note('linefeed: left; the rebuild goes on in the server');
        return EXIT.canceled;
      }
      if (state.state !== 'running') {
        stop();
        if (live) process.stderr.write('\n');
        if (state.state === 'failed')
          throw new CliError(`the rebuild failed: ${state.error ?? 'see the log of the server'}`);
        await terminal.print(
          options.output === 'json'
            ? toJson(state)
            : `rebuilt the index from ${formatCount(state.done_events, 'event')} in ${formatDuration(state.elapsed_ms)}`,
        );
        return EXIT.ok;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  });
}

export function purgeCommand(program: Command): void {
  const command = program
    .command('purge')
    .summary('apply the retention times now')
    .description(
      'Drops what is older than garbagecollector.action_executions_ttl and .action_executions_output_ttl allow, as the server also does on schedule. What still runs is never touched.',
    )
    .option('--dry-run', 'only say what would go')
    .addOption(answerFormat());
  withConnection(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed purge --dry-run
  $ linefeed purge`,
  );
  action<{ dryRun?: true; output: 'text' | 'json' }, []>(command, async (context, options) => {
    const { terminal } = context;
    const client = await context.connect();
    const answer = await client.json<PurgeReportJson>('/v1/purge', {
      method: 'POST',
      body: { dry_run: options.dryRun === true },
    });
    if (options.output === 'json') {
      await terminal.print(toJson(answer));
      return EXIT.ok;
    }
    if (answer.executions === 0 && answer.outputs === 0) {
      await terminal.print('Nothing is old enough to go.');
      return EXIT.ok;
    }
    const what = [
      answer.executions > 0 ? formatCount(answer.executions, 'execution') : '',
      answer.outputs > 0
        ? `the output of ${formatCount(answer.outputs, answer.executions > 0 ? 'other' : 'execution')}`
        : '',
    ].filter(Boolean);
    const freed = formatBytes(answer.freed_bytes);
    await terminal.print(
      options.dryRun
        ? `Would drop ${what.join(' and ')}: ${freed}`
        : `Dropped ${what.join(' and ')}: ${freed} freed`,
    );
    return EXIT.ok;
  });
}
