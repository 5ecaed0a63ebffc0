/**
 * `linefeed config print`: each setting, its value and its source. Masks secrets.
 */

import type { Command } from 'commander';
import { namingConfig, unreadNotice } from '../../config/config-file.ts';
import { action, configOption, withColour } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { resultFormat } from '../output-options.ts';
import { toJson } from '../render/json.ts';
import { renderTable } from '../render/table.ts';

const SECRET = /password|apiKey|token|privateKey/i;

/** Settings by dotted path. Empty objects are values. */
function settings(tree: object, prefix = ''): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string, unknown][] => {
    const path = `${prefix}${key}`;
    if (value && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 0) {
      return settings(value, `${path}.`);
    }
    return [[path, value]];
  });
}

function masked(path: string, value: unknown): unknown {
  return SECRET.test(path) && value !== undefined && value !== '' ? '********' : value;
}

export function configCommand(program: Command): void {
  const config = program
    .command('config')
    .summary('show the configuration')
    .description('The configuration of the server.');
  const command = config
    .command('print')
    .description(
      'Prints each setting, its value and its source: default, configuration file, variable or command line. Times are in ms.',
    )
    .option('--data <folder>', 'data folder')
    .addOption(configOption())
    .option('--changed', 'only settings that are not defaults')
    .addOption(resultFormat());
  withColour(command);
  action<{ data?: string; config?: string; changed?: true; output: 'text' | 'json' }, []>(
    command,
    async (context, options) => {
      const { terminal } = context;
      const { loadConfig } = await import('../../config/config.ts');
      const environment = namingConfig(process.env, options.config);
      const unread = unreadNotice(environment, options.data);
      if (unread) terminal.note(unread);
      const { sources, notes, ...values } = loadConfig(environment, { data: options.data });
      for (const note of notes) terminal.note(`linefeed: ${note}`);
      const rows = settings(values)
        .map(([path, value]) => ({ path, value: masked(path, value), source: sources[path] ?? 'default' }))
        .filter(({ source }) => !options.changed || source !== 'default');
      if (options.output === 'json') {
        for (const row of rows) await terminal.print(toJson(row));
        return EXIT.ok;
      }
      const lines = renderTable(
        rows,
        [
          { title: 'SETTING', value: ({ path }) => path },
          {
            title: 'VALUE',
            value: ({ value }) => (typeof value === 'string' ? value : JSON.stringify(value)),
            flexible: true,
          },
          {
            title: 'SOURCE',
            value: ({ source }) => source,
            paint: (text, { source }) => terminal.style(text, source === 'default' ? 'dim' : 'green'),
          },
        ],
        terminal.columns(),
        (title) => terminal.style(title, 'bold'),
      );
      for (const line of lines) await terminal.print(line.trimEnd());
      return EXIT.ok;
    },
  );
}
