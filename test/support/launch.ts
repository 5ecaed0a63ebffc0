/** Starts what a runner prepared, without a server: for tests of runners alone. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Launch, Runner, RunnerRequest, Verdict } from '../../catalogue/runner.ts';

export interface Ran {
  exitCode: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** Output of a host, or '' when there is none. */
  host(label: string, stream?: 'stdout' | 'stderr'): Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: each runner leaves another shape
  result: any;
  verdict: Verdict;
  launch: Launch;
}

export interface Started {
  launch: Launch;
  pid: number;
  folder: string;
  term(): void;
  ended: Promise<Ran>;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

export async function startLaunch(
  runner: Runner,
  request: Omit<RunnerRequest, 'executionId'>,
): Promise<Started> {
  mkdirSync(join(request.folder, 'hosts'), { recursive: true });
  const launch = await runner.prepare({ executionId: '0198c1b2-test', ...request });
  const [file, ...args] = launch.command;
  const child = spawn(file, args, {
    cwd: launch.cwd ?? '/',
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '/',
      ST2_ACTION_PACK_NAME: request.action.pack,
      ...launch.env,
    },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => {
    output.stdout += data;
  });
  child.stderr.on('data', (data) => {
    output.stderr += data;
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      const text = read(join(request.folder, 'result.json')).toString();
      const result = text === '' ? undefined : JSON.parse(text);
      const end = { exitCode, signal, ...(result === undefined ? {} : { result }) };
      const verdict = runner.conclude?.(end, request) ?? { succeeded: exitCode === 0 };
      resolve({
        exitCode,
        signal,
        ...output,
        host: (label, stream = 'stdout') => read(join(request.folder, 'hosts', `${label}.${stream}`)),
        result,
        verdict,
        launch,
      });
    });
  });
  return {
    launch,
    pid: child.pid as number,
    folder: request.folder,
    term: () => process.kill(-(child.pid as number), 'SIGTERM'),
    ended,
  };
}

export async function runLaunch(runner: Runner, request: Omit<RunnerRequest, 'executionId'>): Promise<Ran> {
  return (await startLaunch(runner, request)).ended;
}
