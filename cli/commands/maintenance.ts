/**
 * `linefeed rebuild` and `purge`: rebuild the index from the event log, and apply retention now. The server does the work;
 * these commands show progress and the result.
 */

import type { Command } from 'commander';
import type { PurgeReportJson, RebuildJson } from '../../wire/admin.ts';
import { CliError } from '../cli-error.ts';
import { action, withConnection } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { onSignals } from '../interrupts.ts';
import { resultFormat } from '../output-options.ts';
import { formatBytes, formatCount, formatDuration } from '../render/duration.ts';
import { toJson } from '../render/json.ts';
import { progressLine } from '../render/progress.ts';

const POLL_MS = 250;

export function rebuildCommand(program: Command): void {
  const command = program
    .command('rebuild')
    .summary('rebuild the index from the event log')
    .description(
      'Builds a new output index from the event log and then replaces the old one, which serves requests until then. Does not change the event log.',
    )
    .option('--no-wait', 'return immediately')
    .addOption(resultFormat());
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
      terminal.note('linefeed: rebuilding; `linefeed rebuild` shows the progress');
      return EXIT.ok;
    }
    let detached = false;
    const stop = onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => {
      detached = true;
    });
    const live = terminal.stderr.isTerminal && options.output === 'text';
    for (;;) {
      const state = await client.json<RebuildJson>('/v1/rebuild');
      const columns = terminal.stderr.columns?.() ?? 80;
      // Spaces clear the rest of the line: the user may have disabled escape sequences.
      if (live && state.total_events) {
        const progress = { ...state, total_events: state.total_events };
        process.stderr.write(`\r${progressLine(progress, columns).padEnd(columns - 1)}`);
      }
      if (detached) {
        if (live) process.stderr.write('\n');
        terminal.note('Detached. The rebuild continues on the server.');
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
    .summary('apply retention now')
    .description(
      'Deletes executions and output that have expired, as the server does on schedule. Never deletes running executions.',
    )
    .option('--dry-run', 'only show what would be deleted')
    .addOption(resultFormat());
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
    const result = await client.json<PurgeReportJson>('/v1/purge', {
      method: 'POST',
      body: { dry_run: options.dryRun === true },
    });
    if (options.output === 'json') {
      await terminal.print(toJson(result));
      return EXIT.ok;
    }
    if (result.executions === 0 && result.outputs === 0) {
      await terminal.print('Nothing to purge.');
      return EXIT.ok;
    }
    const expired = [
      result.executions > 0 ? formatCount(result.executions, 'execution') : '',
      result.outputs > 0
        ? `the output of ${formatCount(result.outputs, result.executions > 0 ? 'other' : 'execution')}`
        : '',
    ].filter(Boolean);
    const freed = formatBytes(result.freed_bytes);
    await terminal.print(
      options.dryRun
        ? `Would delete ${expired.join(' and ')}: ${freed}`
        : `Deleted ${expired.join(' and ')}: ${freed} freed`,
    );
    return EXIT.ok;
  });
}
