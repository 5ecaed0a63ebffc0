/** A real server in a process of its own, started as a user starts it, that can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { atExit } from './at-exit.ts';
import { engineEnvironment } from './engines.ts';
import { until } from './within.ts';

const LAUNCHER = new URL('../../bin/linefeed.js', import.meta.url).pathname;

export interface ServerProcess {
  readonly url: string;
  readonly token: string;
  readonly port: number;
  readonly pid: number;
  readonly folder: string;
  /** What it wrote to stdout and stderr, all lives together. */
  readonly printed: () => string;
  /** With the token; `path` begins with a slash. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  json<T = Record<string, unknown>>(path: string, init?: RequestInit): Promise<T>;
  post<T = Record<string, unknown>>(path: string, body?: unknown): Promise<T>;
  /** Starts a command line and gives the execution's id. */
  run(cmd: string, parameters?: Record<string, unknown>): Promise<string>;
  /** The execution's document once it has ended. */
  ended(id: string, ms?: number): Promise<ExecutionBody>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** The exit code, once it has ended by itself. */
  gone(): Promise<number | null>;
  start(): Promise<void>;
  rssBytes(): number;
  openFiles(): Promise<number>;
}

export interface ExecutionBody {
  id: string;
  status: string;
  last_seq: number;
  last_position: number;
  result?: {
    return_code: number | null;
    totals: { stdout: { bytes: number; lines: number }; stderr: { bytes: number; lines: number } };
  };
  [field: string]: unknown;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A worker that joins its group while another is being given up waits for that, and the machine may be busy. */
const START_MS = 120_000;
const ENDS = ['succeeded', 'failed', 'timeout', 'canceled', 'abandoned'];

/**
 * @param env added to the environment; LINEFEED_DATA, LINEFEED_HOST and LINEFEED_PORT are set here.
 * @param args of `linefeed server`.
 * @param under words in front of the command that starts it, which must become it and not its parent.
 */
export async function withServer<T>(
  folder: string,
  body: (server: ServerProcess) => Promise<T>,
  options: {
    host?: string;
    port?: number;
    env?: Record<string, string>;
    args?: string[];
    under?: readonly string[];
  } = {},
): Promise<T> {
  const { host = '127.0.0.1', port = await freePort() } = options;
  const url = `http://${host}:${port}`;
  const engines = await engineEnvironment(folder);
  let child: ChildProcess | undefined;
  let printed = '';
  let token = '';

  async function start(): Promise<void> {
    const environment = {
      ...process.env,
      LINEFEED_DATA: folder,
      LINEFEED_HOST: host,
      LINEFEED_PORT: String(port),
      ...engines,
      ...options.env,
    };
    const words = [...(options.under ?? []), process.execPath, LAUNCHER, 'server', ...(options.args ?? [])];
    const started = spawn(words[0] as string, words.slice(1), {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (data) => {
        printed += data;
      });
    }
    await until(
      START_MS,
      async () => {
        const end = started.exitCode ?? started.signalCode;
        if (end !== null) throw new Error(`the server ended with ${end}:\n${printed}`);
        return (await fetch(`${url}/readyz`).catch(() => undefined))?.ok;
      },
      'the start of the server',
    );
    token = readFileSync(join(folder, 'token'), 'utf8').trim();
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill(signal);
    await gone;
  }

  const server: ServerProcess = {
    url,
    port,
    folder,
    get token() {
      return token;
    },
    get pid() {
      return child?.pid as number;
    },
    printed: () => printed,
    fetch: (path, init = {}) =>
      fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } }),
    async json<T>(path: string, init?: RequestInit) {
      const response = await server.fetch(path, init);
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return (await response.json()) as T;
    },
    post: (path, value = {}) =>
      server.json(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(value),
      }),
    async run(cmd, parameters = {}) {
      const { id } = await server.post<{ id: string }>('/v1/executions', {
        action: 'core.local',
        parameters: { cmd, timeout: 600, ...parameters },
      });
      return id;
    },
    ended: (id, ms = 30_000) =>
      until(
        ms,
        async () => {
          const execution = await server.json<ExecutionBody>(`/v1/executions/${id}`);
          return ENDS.includes(execution.status) ? execution : undefined;
        },
        `the end of ${id}`,
      ),
    kill,
    async gone() {
      const running = child as ChildProcess;
      if (running.exitCode === null && running.signalCode === null) await once(running, 'exit');
      return running.exitCode;
    },
    start,
    rssBytes: () =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) * 1024,
    openFiles: async () => readdirSync(`/proc/${server.pid}/fd`).length,
  };
  const release = atExit(() => {
    child?.kill('SIGKILL');
    endChildren(folder);
  });
  try {
    await start();
    return await body(server);
  } finally {
    await kill();
    endChildren(folder);
    release();
  }
}

/** Ends process groups that a killed server left behind; they are told by the spool folder in their command line. */
function endChildren(folder: string): void {
  const read = (...path: string[]) => {
    try {
      return readFileSync(join(...path), 'utf8');
    } catch {
      return '';
    }
  };
  const claims = join(folder, 'keeper', 'claims');
  for (const claim of existsSync(claims) ? readdirSync(claims) : []) {
    const pid = Number.parseInt(read(claims, claim), 10);
    if (!(pid > 1 && read('/proc', String(pid), 'cmdline').includes(folder))) continue;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}
