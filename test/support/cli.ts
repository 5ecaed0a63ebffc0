/** The CLI as a user has it: a process of its own, with pipes, or on a pseudo-terminal made by script(1). */
import { type ChildProcess, spawn } from 'node:child_process';
import { quoteWord } from '../../cli/quote.ts';
import { until } from './within.ts';

const LAUNCHER = new URL('../../bin/linefeed.js', import.meta.url).pathname;

export interface CliRun {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
  /** stdout as text. */
  text: string;
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  stdout(): Buffer;
  stderr(): string;
  /** Writes to its terminal, for processes on one. */
  type(text: string): void;
  /** Resolves once stdout and stderr together match. */
  says(pattern: RegExp, ms?: number): Promise<void>;
  readonly ended: Promise<CliRun>;
}

export interface CliOptions {
  env?: Record<string, string | undefined>;
  /** The Node that runs the launcher; by default the one that runs the test. */
  node?: string;
  cwd?: string;
}

interface Target {
  url: string;
  token: string;
}

function environment(server: Target | undefined, options: CliOptions): NodeJS.ProcessEnv {
  const { NO_COLOR, FORCE_COLOR, ...inherited } = process.env;
  void NO_COLOR;
  void FORCE_COLOR;
  return {
    ...inherited,
    TERM: 'xterm-256color',
    ...(server ? { LINEFEED_URL: server.url, LINEFEED_TOKEN: server.token } : {}),
    ...options.env,
  };
}

function watched(child: ChildProcess): CliProcess {
  const out: Buffer[] = [];
  let err = '';
  child.stdout?.on('data', (data: Buffer) => out.push(data));
  child.stderr?.on('data', (data: Buffer) => {
    err += data.toString();
  });
  const ended = new Promise<CliRun>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const stdout = Buffer.concat(out);
      resolve({ code, signal, stdout, stderr: err, text: stdout.toString() });
    });
  });
  return {
    child,
    pid: child.pid as number,
    stdout: () => Buffer.concat(out),
    stderr: () => err,
    type: (text) => child.stdin?.write(text),
    async says(pattern, ms = 30_000) {
      const said = () => Buffer.concat(out).toString() + err;
      try {
        await until(ms, () => pattern.test(said()), `${pattern}`);
      } catch (error) {
        throw new Error(`${(error as Error).message}; it said: ${JSON.stringify(said())}`);
      }
    },
    ended,
  };
}

/** Starts `linefeed …` with pipes; stdin is closed. */
export function startCli(server: Target | undefined, args: string[], options: CliOptions = {}): CliProcess {
  const child = spawn(options.node ?? process.execPath, [LAUNCHER, ...args], {
    env: environment(server, options),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  return watched(child);
}

/** Runs it to its end. */
export function cli(server: Target | undefined, args: string[], options: CliOptions = {}): Promise<CliRun> {
  return startCli(server, args, options).ended;
}

/**
 * Starts a shell line on a pseudo-terminal of this many columns; `linefeed` is a function in it. Everything it prints
 * is in stdout, with CRLF line ends. Its stdin is the keyboard.
 */
export function startOnTerminal(
  server: Target | undefined,
  line: string,
  options: CliOptions & { columns?: number } = {},
): CliProcess {
  const launcher = `${quoteWord(options.node ?? process.execPath)} ${quoteWord(LAUNCHER)}`;
  const script = `stty rows 24 cols ${options.columns ?? 80}; linefeed() { ${launcher} "$@"; }; ${line}`;
  const child = spawn('script', ['-qefc', `bash -c ${quoteWord(script)}`, '/dev/null'], {
    env: environment(server, options),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  return watched(child);
}
