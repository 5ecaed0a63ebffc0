/**
 * `linefeed keys`: creates, lists and revokes API keys.
 */

import { type Command, Option } from 'commander';
import type { ApiKeyJson, NewApiKeyJson } from '../../wire/admin.ts';
import { CliError } from '../cli-error.ts';
import { action, withConnection } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { collect, resultFormat } from '../output-options.ts';
import { formatAge } from '../render/duration.ts';
import { toJson } from '../render/json.ts';
import { renderTable } from '../render/table.ts';
import { safeLine } from '../render/terminal-text.ts';

const SCOPES = ['read', 'execute', 'admin'];

function createCommand(keys: Command): void {
  const command = keys
    .command('create')
    .description('Creates a key and prints it. Linefeed cannot show it again.')
    .argument('<name>', 'name of the key, for example its purpose')
    .addOption(
      new Option('-s, --scope <scope>', 'read (the default), execute or admin; may be repeated').argParser(
        (text: string, before: string[] | undefined) => collect(text, before),
      ),
    )
    .addOption(resultFormat());
  withConnection(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed keys create dashboard
  $ LINEFEED_TOKEN=$(linefeed keys create ci --scope read --scope execute)`,
  );
  action<{ scope?: string[]; output: 'text' | 'json' }, [string]>(command, async (context, options, name) => {
    const scopes = (options.scope ?? ['read']).flatMap((one) => one.split(','));
    const unknown = scopes.find((one) => !SCOPES.includes(one));
    if (unknown) throw new CliError(`unknown scope "${unknown}"`, { hint: `Scopes: ${SCOPES.join(', ')}.` });
    const client = await context.connect();
    const key = await client.json<NewApiKeyJson>('/v1/keys', {
      method: 'POST',
      body: { name, scopes },
    });
    await context.terminal.print(options.output === 'json' ? toJson(key) : key.key);
    if (options.output === 'text') {
      context.terminal.note(`linefeed: key ${key.id} (${key.scopes.join(', ')}); it is not shown again`);
    }
    return EXIT.ok;
  });
}

function listCommand(keys: Command): void {
  const command = keys.command('ls').alias('list').description('Lists the keys.').addOption(resultFormat());
  withConnection(command);
  action<{ output: 'text' | 'json' }, []>(command, async (context, options) => {
    const { terminal } = context;
    const client = await context.connect();
    const all = await client.json<ApiKeyJson[]>('/v1/keys');
    const now = Date.now();
    if (options.output === 'json') for (const key of all) await terminal.print(toJson(key));
    else if (all.length === 0)
      terminal.note('No keys yet. Create one: linefeed keys create NAME --scope read');
    else {
      const lines = renderTable(
        all,
        [
          { title: 'ID', value: ({ id }) => safeLine(id) },
          { title: 'SCOPES', value: ({ scopes }) => scopes.join(',') },
          {
            title: 'LAST USED',
            value: ({ revoked_at, last_used_at }) =>
              revoked_at ? 'revoked' : last_used_at ? formatAge(now - Date.parse(last_used_at)) : 'never',
          },
          { title: 'NAME', value: ({ name }) => safeLine(name), flexible: true },
        ],
        terminal.columns(),
        (title) => terminal.style(title, 'bold'),
      );
      for (const line of lines) await terminal.print(line.trimEnd());
    }
    return EXIT.ok;
  });
}

function revokeCommand(keys: Command): void {
  const command = keys
    .command('revoke')
    .description('Revokes keys immediately.')
    .argument('<id...>', 'ids of keys, from `keys ls`');
  withConnection(command);
  action<object, [string[]]>(command, async (context, _options, ids) => {
    const client = await context.connect();
    for (const id of ids) {
      await client.request(`/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE' });
      await context.terminal.print(`revoked ${id}`);
    }
    return EXIT.ok;
  });
}

export function keysCommand(program: Command): void {
  const keys = program
    .command('keys')
    .summary('manage API keys')
    .description('Creates, lists and revokes API keys.');
  createCommand(keys);
  listCommand(keys);
  revokeCommand(keys);
}
