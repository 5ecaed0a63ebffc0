/**
 * `linefeed actions`: lists actions and their parameters.
 */

import type { Command } from 'commander';
import type { ActionJson } from '../../wire/catalogue.ts';
import { action, withConnection } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { resultFormat } from '../output-options.ts';
import { parametersOf } from '../parameters.ts';
import { toJson } from '../render/json.ts';
import { renderTable } from '../render/table.ts';
import { safeLine } from '../render/terminal-text.ts';

export function actionsCommand(program: Command): void {
  const command = program
    .command('actions')
    .summary('list actions')
    .description('Lists the actions of the catalogue, or the parameters of one action.')
    .argument('[ref]', 'list the parameters of this action')
    .addOption(resultFormat());
  withConnection(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed actions
  $ linefeed actions core.local
  $ linefeed run --action core.local -p cmd=date`,
  );
  action<{ output: 'text' | 'json' }, [string | undefined]>(command, async (context, options, ref) => {
    const { terminal } = context;
    const client = await context.connect();
    const bold = (title: string) => terminal.style(title, 'bold');
    if (ref === undefined) {
      const actions = await client.json<ActionJson[]>('/v1/actions');
      if (options.output === 'json') for (const one of actions) await terminal.print(toJson(one));
      else {
        const lines = renderTable(
          actions,
          [
            { title: 'ACTION', value: (one) => safeLine(one.ref) },
            { title: 'RUNNER', value: (one) => safeLine(one.runner_type), fromWidth: 60 },
            { title: 'DESCRIPTION', value: (one) => safeLine(one.description ?? ''), flexible: true },
          ],
          terminal.columns(),
          bold,
        );
        for (const line of lines) await terminal.print(line.trimEnd());
      }
      return EXIT.ok;
    }
    const one = await client.json<ActionJson>(`/v1/actions/${encodeURIComponent(ref)}`);
    const parameters = await parametersOf(client, ref);
    if (options.output === 'json') {
      await terminal.print(toJson({ ...one, parameters }));
      return EXIT.ok;
    }
    await terminal.print(`${bold(safeLine(one.ref))}  ${safeLine(one.description ?? '')}`);
    const lines = renderTable(
      Object.entries(parameters),
      [
        { title: 'PARAMETER', value: ([name]) => safeLine(name) },
        { title: 'TYPE', value: ([, schema]) => [schema.type ?? 'any'].flat().join('|') },
        {
          title: 'DEFAULT',
          value: ([, schema]) =>
            schema.required ? '(required)' : safeLine(JSON.stringify(schema.default) ?? ''),
        },
        { title: 'DESCRIPTION', value: ([, schema]) => safeLine(schema.description ?? ''), flexible: true },
      ],
      terminal.columns(),
      bold,
    );
    for (const line of lines) await terminal.print(line.trimEnd());
    return EXIT.ok;
  });
}
