/**
 * The commands of one worker: starts them, finds those of an earlier keeper, and answers the server. Knows nothing of
 * events, engines or HTTP.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openClaims } from './claims.ts';
import { openFifoPool } from './fifo-pool.ts';
import { type KeptExecution, keepExecution } from './kept-execution.ts';
import { readOwn } from './own-file.ts';
import {
  KEEPER_FILES,
  type KeeperRequest,
  type LaunchFile,
  type StartRequest,
  sourcesOf,
} from './protocol.ts';
import { readSpoolState } from './spool-state.ts';
import { FIFO, wrapperArguments } from './wrapper.ts';

/** It names each host of a remote execution. */
const MAX_LAUNCH_BYTES = 16 * 1024 * 1024;

export interface Keeper {
  /** @throws Error in words for a person. */
  handle(request: KeeperRequest): Promise<unknown>;
  /** Executions that are kept. */
  count(): number;
  /** The folders were removed: nobody can learn how anything ends, so no wrapper waits any longer. */
  abandon(): void;
}

export interface StartAnswer {
  /** Of the wrapper, which leads the process group. */
  pid: number;
}

/** `earlier` claims are known never to have run, and the command was not started by another. */
export type Found = StartAnswer | { earlier: number };

/**
 * @param spool folder of the executions' folders.
 * @param home the keeper's own folder.
 * @param onWrote hears that an execution's spool has new frames.
 */
export async function openKeeper(
  spool: string,
  home: string,
  onWrote: (execution: string) => void,
): Promise<Keeper> {
  const folderOf = (execution: string) => join(spool, execution);
  const claims = openClaims(join(home, KEEPER_FILES.claims), folderOf);
  const fifos = await openFifoPool(join(home, KEEPER_FILES.fifos));
  const kept = new Map<string, KeptExecution>();
  const starting = new Map<string, Promise<StartAnswer>>();

  function keep(execution: string, launch: LaunchFile, found: boolean): KeptExecution {
    const folder = folderOf(execution);
    const one = keepExecution({
      ...{ execution, folder, launch, sources: sourcesOf(launch) },
      claim: claims.path(execution, launch.earlier),
      ...(found ? { earlier: readSpoolState(folder) } : {}),
      onWrote: () => onWrote(execution),
      onGone: () => kept.delete(execution),
    });
    kept.set(execution, one);
    return one;
  }

  /** Goes on with what an earlier keeper started. @returns its wrapper; undefined when nothing was started there. */
  function adopt(execution: string, launch: LaunchFile): number | undefined {
    const pid = claims.wrapperOf(claims.path(execution, launch.earlier));
    if (pid === undefined || !existsSync(join(folderOf(execution), FIFO.control))) return undefined;
    if (!readSpoolState(folderOf(execution)).over) keep(execution, launch, true).attach(pid);
    return pid;
  }

  /** Goes on with a command that was started, or makes sure that it never is by this claim. */
  async function find(execution: string): Promise<Found> {
    const known = kept.get(execution);
    if (known) return { pid: known.pid };
    const launch = readLaunch(folderOf(execution));
    if (!launch) return { earlier: 0 };
    if (!existsSync(join(folderOf(execution), FIFO.control))) return { earlier: launch.earlier };
    const claim = claims.path(execution, launch.earlier);
    // The wrapper of an earlier keeper may still be on its way to the claim.
    if (claims.wrapperOf(claim) === undefined && claims.forbid(claim)) return { earlier: launch.earlier + 1 };
    await claims.untilMade(claim);
    const pid = adopt(execution, launch);
    if (pid === undefined) throw new Error('it was claimed and never started');
    return { pid };
  }

  async function start(request: StartRequest): Promise<StartAnswer> {
    const { execution, command, cwd, env } = request;
    const folder = folderOf(execution);
    const found = await find(execution);
    if ('pid' in found) return found;
    const launch = readLaunch(folder);
    if (!launch) throw new Error('its launch record is not there');
    launch.earlier = found.earlier;
    writeFileSync(join(folder, 'launch.json'), JSON.stringify(launch), { mode: 0o600 });
    await fifos.take(folder, [FIFO.control, FIFO.confirm, ...sourcesOf(launch).map(({ fifo }) => fifo)]);
    const one = keep(execution, launch, false);
    const claim = claims.path(execution, launch.earlier);
    try {
      const words = wrapperArguments({ folder, claim, merge: launch.merge, command });
      const child = await startWrapper(words, cwd, env);
      one.attach(child.pid as number, child);
      return { pid: child.pid as number };
    } catch (error) {
      one.close();
      kept.delete(execution);
      throw error;
    }
  }

  function startOnce(request: StartRequest): Promise<StartAnswer> {
    const { execution } = request;
    const started = starting.get(execution) ?? start(request).finally(() => starting.delete(execution));
    starting.set(execution, started);
    return started;
  }

  for (const execution of existsSync(spool) ? readdirSync(spool) : []) {
    try {
      const launch = readLaunch(folderOf(execution));
      if (launch) adopt(execution, launch);
    } catch (error) {
      // Its command has damaged its folder. The others are kept all the same.
      process.stderr.write(`${execution} cannot be kept: ${(error as Error).message}\n`);
    }
  }

  return {
    async handle(request) {
      if (request.op === 'start') return startOnce(request);
      if (request.op === 'find') return starting.get(request.execution) ?? find(request.execution);
      const one = kept.get(request.execution);
      if (request.op === 'terminate') await one?.terminate(request.cause, request.graceMs);
      else one?.discard();
      return { kept: one !== undefined };
    },
    count: () => kept.size + starting.size,
    abandon() {
      for (const one of kept.values()) one.abandon();
    },
  };
}

function readLaunch(folder: string): LaunchFile | undefined {
  const text = readOwn(join(folder, 'launch.json'), MAX_LAUNCH_BYTES);
  try {
    return text && (JSON.parse(text.toString()) as LaunchFile);
  } catch {
    return undefined;
  }
}

/** @throws ErrnoException when the system refuses. */
async function startWrapper(
  words: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<ChildProcess> {
  const child = spawn('/bin/sh', words, { cwd, env, detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  child.unref();
  return child;
}
