/**
 * One server of the stack as a process of ours: started, waited for, killed, restarted and stopped by its own pid.
 * A watchdog ends it when this process dies, however that happens.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { scaled } from '../../test/support/slowness.ts';

export interface StackServer {
  /** `host:port` for Kafka, a URL for Elasticsearch. */
  readonly address: string;
  /** How it came to be. */
  readonly origin: 'configured' | 'container' | 'package';
  /** False for configured ones: tests must not kill what they did not start. */
  readonly controllable: boolean;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again on the same address and data; resolves when it answers. */
  start(): Promise<void>;
  /** Freezes and thaws the process, so that clients see a server that does not answer. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export interface ServerCommand {
  name: string;
  address: string;
  file: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  /** Its output goes here; shown when it does not come up. */
  logFile: string;
  uid?: number;
  /** Resolves when the server answers, rejects when it does not yet. */
  healthy(): Promise<unknown>;
  startTimeoutMs: number;
}

/** When process `$2` is gone, ends the process group `$1` and removes folder `$3`; its own shell is in another group. */
const WATCHDOG =
  'while kill -0 "-$1" 2>/dev/null; do kill -0 "$2" 2>/dev/null || { kill -9 "-$1"; sleep 0.2; rm -rf "$3"; exit; }; sleep 1; done';

function alive(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

export function processServer(command: ServerCommand): StackServer {
  let child: ChildProcess | undefined;

  function signal(name: NodeJS.Signals): void {
    if (child?.pid === undefined) return;
    try {
      process.kill(-child.pid, name);
    } catch {
      // gone already
    }
  }
  async function gone(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (child?.pid !== undefined && alive(child.pid)) {
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    return true;
  }

  return {
    address: command.address,
    origin: 'package',
    controllable: true,
    async start() {
      const log = openSync(command.logFile, 'a');
      const started = spawn(command.file, command.args, {
        cwd: command.cwd,
        env: command.env,
        detached: true,
        stdio: ['ignore', log, log],
        ...(command.uid === undefined ? {} : { uid: command.uid, gid: command.uid }),
      });
      closeSync(log);
      child = started;
      await new Promise<void>((resolve, reject) => {
        started.once('spawn', resolve);
        started.once('error', reject);
      });
      started.unref();
      spawn('sh', ['-c', WATCHDOG, 'watchdog', String(started.pid), String(process.pid), command.cwd], {
        detached: true,
        stdio: 'ignore',
      }).unref();
      const deadline = performance.now() + scaled(command.startTimeoutMs);
      for (;;) {
        try {
          await command.healthy();
          return;
        } catch (cause) {
          if (started.exitCode === null && performance.now() < deadline) {
            await new Promise((resolve) => setTimeout(resolve, 100));
            continue;
          }
          const tail = readFileSync(command.logFile, 'utf8').split('\n').slice(-25).join('\n');
          throw new Error(
            `${command.name} did not come up (${(cause as Error).message}); its log ends:\n${tail}`,
          );
        }
      }
    },
    async kill() {
      signal('SIGKILL');
      await gone(10_000);
    },
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    async stop() {
      signal('SIGCONT');
      signal('SIGTERM');
      if (!(await gone(15_000))) {
        signal('SIGKILL');
        await gone(10_000);
      }
    },
  };
}

/** A server that runs elsewhere and is left alone. */
export function configuredServer(address: string): StackServer {
  const refuse = () => {
    throw new Error(`${address} was configured from outside; this process may not stop it`);
  };
  return {
    address,
    origin: 'configured',
    controllable: false,
    kill: async () => refuse(),
    start: async () => {},
    pause: refuse,
    resume: refuse,
    stop: async () => {},
  };
}
