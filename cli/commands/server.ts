/**
 * `linefeed server`: starts the server in this process. Only this command loads the server's modules.
 */
import { type Command, Option } from 'commander';
import { namingConfig, unreadNotice } from '../../config/config-file.ts';
import type { RunningServer } from '../../server/main.ts';
import { CliError } from '../cli-error.ts';
import { action, type Context, configOption, withColour } from '../context.ts';
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

/** The process exits after this long even if the server has not stopped. */
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
      throw new CliError(`"${pair}" is not SETTING=VALUE`, {
        hint: 'Example: --set worker.concurrency=50',
      });
    given[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function startError(error: unknown, port: number, host: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'EADDRINUSE') {
    return new CliError(`port ${port} of ${host} is already in use`, {
      hint: 'Another Linefeed may be running: check with `linefeed doctor`. Or use another port: linefeed server --port 9102',
      cause: error,
    });
  }
  if (code === 'EACCES') {
    return new CliError(`no permission to listen on ${host}:${port}, or to write the data folder`, {
      cause: error,
    });
  }
  if (code === 'EADDRNOTAVAIL') {
    return new CliError(`${host} is not an address of this machine`, {
      hint: 'Use the default, 127.0.0.1, or 0.0.0.0 for all addresses.',
      cause: error,
    });
  }
  return error;
}

async function printBanner({ terminal }: Context, server: RunningServer, data: string): Promise<void> {
  // One write: programs that wait for the address then have all of it.
  const banner = [`Linefeed listens on ${terminal.style(server.url, 'bold')}`];
  if (server.token) banner.push(`  open   ${terminal.style(`${server.url}/?token=${server.token}`, 'cyan')}`);
  banner.push(`  data   ${data}`);
  if (terminal.stdout.isTerminal) {
    const example = "npx linefeed run -- 'for i in 1 2 3; do echo line $i; sleep 1; done'";
    banner.push(`  try    ${terminal.style(example, 'dim')}`);
  }
  await terminal.print(banner.join('\n'));
}

/** Serves until a signal, or until a part fails for good. */
async function runServer(context: Context, options: ServerOptions): Promise<number> {
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
  await printBanner(context, server, config.data);
  const failed = await Promise.race([stopped, server.failed]);
  if (failed) {
    throw new CliError(`the server cannot continue: ${failed.message}`, {
      hint: 'Start it again, by hand or with systemd, Docker or Kubernetes. It resumes the running commands.',
      cause: failed,
    });
  }
  terminal.note('linefeed: stopping; interrupt again to stop immediately');
  const late = new Promise<'late'>((resolve) => setTimeout(resolve, STOP_MS - 500, 'late').unref());
  if ((await Promise.race([server.close(), late])) === 'late') {
    terminal.note('linefeed: the server did not stop in time; exiting');
  }
  return EXIT.ok;
}

export function serverCommand(program: Command): void {
  const command = program
    .command('server')
    .summary('start the server')
    .description('Starts the server and prints its address. By default it listens on 127.0.0.1 only.')
    .option('--host <address>', 'address to listen on (LINEFEED_HOST; 127.0.0.1)')
    .option('-p, --port <port>', 'port; 0 for any free port (LINEFEED_PORT; 9101)')
    .option('--data <folder>', 'data folder (LINEFEED_DATA; ~/.linefeed)')
    .addOption(configOption())
    .addOption(
      new Option(
        '--role <role>',
        'api, worker or projector; may be repeated (LINEFEED_ROLES; all)',
      ).argParser((text: string, before: string[] | undefined) => collect(text, before)),
    )
    .option('--insecure', 'allow plain HTTP on an address that is not loopback')
    .option('--tls-cert <file>', 'certificate, for HTTPS')
    .option('--tls-key <file>', 'its private key')
    .option('--allowed-host <name>', 'another host name of this server; may be repeated', collect)
    .option('--packs <folder>', 'folder with packs of actions; may be repeated', collect)
    .option('--log-level <level>', 'fatal, error, warn, info, debug or trace')
    .option('--set <setting=value>', 'any setting of linefeed.yaml; may be repeated', collect);
  withColour(command).addHelpText(
    'after',
    `
Examples:
  $ linefeed server
  $ linefeed server --port 9102 --data /var/lib/linefeed
  $ linefeed server --set worker.concurrency=20 --set retention.outputTtl=36h
  $ linefeed server --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --allowed-host build.example.org

Running commands survive a restart of the server: start it again on the same data folder and it resumes them.
\`linefeed config print\` shows every setting and its source.`,
  );
  action<ServerOptions, []>(command, runServer);
}
