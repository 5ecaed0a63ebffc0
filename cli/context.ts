/**
 * What every command needs: the connection and the terminal, from the options that all commands share. Wraps a command's
 * action: its result becomes the exit code, its errors become messages.
 */
import { type Command, Option } from 'commander';
import { CliError } from './cli-error.ts';
import { type Client, createClient } from './client.ts';
import { findConnection } from './connection.ts';
import { EXIT } from './exit-codes.ts';
import type { ColourWhen } from './render/style.ts';
import { createStyle, wantsColour } from './render/style.ts';
import { flushOutput, openTerminal, type Terminal } from './render/terminal.ts';

interface SharedOptions {
  url?: string;
  token?: string;
  data?: string;
  config?: string;
  color: ColourWhen;
}

export interface Context {
  terminal: Terminal;
  /** Finds server and token; does not connect yet. */
  connect(): Promise<Client>;
  shared: SharedOptions;
}

/** `--config`, for commands that read the configuration. */
export function configOption(): Option {
  return new Option(
    '--config <file>',
    'configuration file (else LINEFEED_CONFIG, else linefeed.yaml in the data folder)',
  );
}

function sharedOptions(): Option[] {
  return [
    new Option('--url <url>', 'server to talk to (else LINEFEED_URL, else http://127.0.0.1:9101)'),
    new Option('--token <token>', 'token (else LINEFEED_TOKEN, else the file `token` in the data folder)'),
    new Option(
      '--data <folder>',
      'data folder to read the token from (else LINEFEED_DATA, else ~/.linefeed)',
    ),
    configOption(),
  ];
}

/** Adds `--color`. */
export function withColour(command: Command): Command {
  return command.addOption(
    new Option('--color <when>', 'use colours (NO_COLOR and FORCE_COLOR also apply)')
      .choices(['auto', 'always', 'never'])
      .default('auto'),
  );
}

/** Adds the options of a command that talks to a server. */
export function withConnection(command: Command): Command {
  command.optionsGroup('Connection and colours:');
  for (const option of sharedOptions()) command.addOption(option);
  return withColour(command);
}

/** Prints the error on one line, then the hint. Returns the exit code. */
function reportError(error: unknown, when: ColourWhen): number {
  const style = createStyle(wantsColour(when, process.stderr.isTTY === true, process.env));
  const known = error instanceof CliError || (error as { name?: string } | null)?.name === 'ServiceError';
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${style('linefeed:', 'red', 'bold')} ${message}\n`);
  if (error instanceof CliError && error.hint) process.stderr.write(`${error.hint}\n`);
  if (!known) {
    const detail = process.env.LINEFEED_DEBUG && error instanceof Error ? error.stack : undefined;
    process.stderr.write(
      `${detail ?? 'This is a bug in Linefeed. LINEFEED_DEBUG=1 shows the stack trace.'}\n`,
    );
  }
  return error instanceof CliError ? error.exitCode : EXIT.error;
}

/**
 * Sets a command's action. `body` returns the exit code; undefined means 0. The process then exits, even if connections
 * are still open.
 */
export function action<Options, Arguments extends unknown[]>(
  command: Command,
  body: (
    context: Context,
    options: Options & SharedOptions,
    ...args: Arguments
  ) => Promise<number | undefined>,
): Command {
  return command.action(async (...given: unknown[]) => {
    const own = given.pop() as Command;
    const options = own.optsWithGlobals() as Options & SharedOptions;
    given.pop();
    const when = options.color ?? 'auto';
    let code: number;
    try {
      const terminal = openTerminal(when);
      const connect = async () => createClient(await findConnection(options, process.env));
      code =
        (await body({ terminal, connect, shared: options }, options, ...(given as Arguments))) ?? EXIT.ok;
    } catch (error) {
      code = reportError(error, when);
    }
    await flushOutput();
    process.exit(code);
  });
}
