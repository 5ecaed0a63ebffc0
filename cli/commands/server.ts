/**
 * `linefeed server`: starts the server in this process. The only command that loads any of the server's modules.
 */
import { type Command, Option } from 'commander';
import { namingConfig, unreadNotice } from '../../config/config-file.ts';
import { CliError } from '../cli-error.ts';
import { action, configOption, withColour } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { onSignals } from '../interrupts.ts';
import { collect } from '../output-options.ts';

interface ServerOptions {
  host?: string;
  port?: string;
  data?: string;
  config?: string;
  role?: string[];
  insecure?: true;
  tlsCert?: string;
  tlsKey?: string;
  allowedHost?: string[];
  packs?: string[];
  logLevel?: string;
  set?: string[];
}

/** A server that has not stopped by then is ended; a supervisor would not wait longer either. */
const STOP_MS = 10_000;

function overrides(options: ServerOptions): Record<string, unknown> {
  const given: Record<string, unknown> = {
    host: options.host,
    port: options.port,
    data: options.data,
    roles: options.role?.flatMap((role) => role.split(',')),
    insecure: options.insecure,
    'tls.cert': options.tlsCert,
    'tls.key': options.tlsKey,
    allowedHosts: options.allowedHost,
    'content.packs': options.packs,
    logLevel: options.logLevel,
  };
  for (const pair of options.set ?? []) {
    const at = pair.indexOf('=');
    if (at <= 0)
      throw new CliError(`"${pair}" is no setting`, {
        hint: 'Write for example --set actionrunner.concurrency=50',
      });
    given[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function startError(error: unknown, port: number, host: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'EADDRINUSE') {
    return new CliError(`port ${port} of ${host} is already in use`, {
      hint: 'Another Linefeed may be running: `linefeed doctor` says. Or take another port: linefeed server --port 9102',
      cause: error,
    });
  }
  if (code === 'EACCES') {
    return new CliError(`not allowed to listen on ${host}:${port}, or to write the data folder`, {
      cause: error,
    });
  }
  if (code === 'EADDRNOTAVAIL') {
    return new CliError(`${host} is no address of this machine`, {
      hint: 'The default, 127.0.0.1, always works.',
      cause: error,
    });
  }
  return error;
}

export function serverCommand(program: Command): void {
  const command = program
    .command('server')
    .summary('start the server')
    .description(
      'Starts the server here and prints its address. It listens on 127.0.0.1 only, unless told otherwise.',
    )
    .option('--host <address>', 'address to listen on (LINEFEED_HOST; 127.0.0.1)')
    .option('-p, --port <port>', 'port, 0 for any free one (LINEFEED_PORT; 9101)')
    .option('--data <folder>', 'where everything is kept (LINEFEED_DATA; ~/.linefeed)')
    .addOption(configOption())
    .addOption(
      new Option(
        '--role <role>',
        'api, worker or projector; may be repeated (LINEFEED_ROLES; all)',
      ).argParser((text: string, before: string[] | undefined) => collect(text, before)),
    )
    .option('--insecure', 'allow another address than loopback without TLS')
    .option('--tls-cert <file>', 'certificate, for HTTPS')
    .option('--tls-key <file>', 'its private key')
    .option(
      '--allowed-host <name>',
      'further name by which clients call this server; may be repeated',
      collect,
    )
    .option('--packs <folder>', 'folder with packs of actions; may be repeated', collect)
    .option('--log-level <level>', 'fatal, error, warn, info, debug or trace')
    .option(
      '--set <setting=value>',
      'any setting of linefeed.yaml, by dotted path; may be repeated',
      collect,
    );
  withColour(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed server
  $ linefeed server --port 9102 --data /var/lib/linefeed
  $ linefeed server --set actionrunner.concurrency=20 --set garbagecollector.action_executions_output_ttl=36h
  $ linefeed server --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --allowed-host build.example.org

Commands it has started outlive it: a server started again on the same data folder goes on with them.
\`linefeed config print\` shows every setting and where it came from.`,
  );
  action<ServerOptions, []>(command, async (context, options) => {
    const { terminal } = context;
    const environment = namingConfig(process.env, options.config);
    const [{ loadConfig }, { startServer }] = await Promise.all([
      import('../../config/config.ts'),
      import('../../server/main.ts'),
    ]);
    const unread = unreadNotice(environment, options.data);
    if (unread) terminal.note(unread);
    const config = loadConfig(environment, overrides(options));
    let requested: NodeJS.Signals | undefined;
    let stopNow = () => {};
    const stopped = new Promise<void>((resolve) => {
      stopNow = resolve;
    });
    onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], (signal) => {
      if (requested && signal === 'SIGINT') process.exit(EXIT.canceled);
      requested = signal;
      stopNow();
    });
    const server = await startServer(config).catch((error: unknown) => {
      throw startError(error, config.port, config.host);
    });
    // In one write: who waits for the address has the rest with it.
    const banner = [`Linefeed listens on ${terminal.style(server.url, 'bold')}`];
    if (server.token)
      banner.push(`  open   ${terminal.style(`${server.url}/?token=${server.token}`, 'cyan')}`);
    banner.push(`  data   ${config.data}`);
    if (terminal.stdout.isTerminal) {
      const example = "npx linefeed run -- 'for i in 1 2 3; do echo line $i; sleep 1; done'";
      banner.push(`  try    ${terminal.style(example, 'dim')}`);
    }
    await terminal.print(banner.join('\n'));
    const failed = await Promise.race([stopped, server.failed]);
    if (failed) {
      throw new CliError(`the server cannot go on: ${failed.message}`, {
        hint: 'Start it again, or have systemd, Docker or Kubernetes do so: it goes on with the commands that run.',
        cause: failed,
      });
    }
    terminal.note('linefeed: stopping; once more to stop at once');
    const late = new Promise<'late'>((resolve) => setTimeout(resolve, STOP_MS - 500, 'late').unref());
    if ((await Promise.race([server.close(), late])) === 'late') {
      terminal.note('linefeed: something did not stop in time; leaving it');
    }
    return EXIT.ok;
  });
}
