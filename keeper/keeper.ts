/**
 * The commands of one worker: starts them, finds those of an earlier keeper, and answers the server. Knows nothing of
 * events, engines or HTTP.
 */
import { spawn } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { openFifoPool } from './fifo-pool.ts';
import { type KeptExecution, keepExecution } from './kept-execution.ts';
import { readOwn } from './own-file.ts';
import { isWrapper } from './processes.ts';
import {
  claimName,
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
const MAX_CLAIM_BYTES = 100;
/** A claim outlives every retry of its start. */
const CLAIM_KEPT_MS = 24 * 3_600_000;
/** A wrapper writes its claim as its first act; one that has not by now most likely never ran. */
const CLAIM_WAIT_MS = 1000;

export interface Keeper {
  /** @throws Error in words for a person. */
  handle(request: KeeperRequest): Promise<unknown>;
  /** Executions that are kept. */
  count(): number;
  /** Executions whose output waits for disk space. */
  blocked(): string[];
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
  const claims = join(home, KEEPER_FILES.claims);
  mkdirSync(claims, { recursive: true, mode: 0o700 });
  const fifos = await openFifoPool(join(home, KEEPER_FILES.fifos));
  const kept = new Map<string, KeptExecution>();
  const starting = new Map<string, Promise<StartAnswer>>();
  const folderOf = (execution: string) => join(spool, execution);

  function launchOf(execution: string): LaunchFile | undefined {
    const text = readOwn(join(folderOf(execution), 'launch.json'), MAX_LAUNCH_BYTES);
    try {
      return text && (JSON.parse(text.toString()) as LaunchFile);
    } catch {
      return undefined;
    }
  }

  function keep(execution: string, launch: LaunchFile, claim: string, found: boolean): KeptExecution {
    const folder = folderOf(execution);
    const one = keepExecution({
      execution,
      folder,
      launch,
      sources: sourcesOf(launch),
      claim,
      ...(found ? { earlier: readSpoolState(folder) } : {}),
      onWrote: () => onWrote(execution),
      onGone: () => kept.delete(execution),
    });
    kept.set(execution, one);
    return one;
  }

  function claimOf(path: string): { pid: number } | undefined {
    const pid = Number(readOwn(path, MAX_CLAIM_BYTES)?.toString('latin1').split(' ')[0]);
    return pid > 1 ? { pid } : undefined;
  }

  /** Goes on with what an earlier keeper started. @returns false when nothing was started there, or nothing is left. */
  function adopt(execution: string, launch: LaunchFile): boolean {
    const claim = join(claims, claimName(execution, launch.earlier));
    const found = claimOf(claim);
    if (!found || !existsSync(join(folderOf(execution), FIFO.control))) return false;
    if (readSpoolState(folderOf(execution)).over) return true;
    keep(execution, launch, claim, true).attach(found.pid);
    return true;
  }

  /** Takes the place of the wrapper's first act. @returns false when a wrapper was first. */
  function forbid(claim: string): boolean {
    const mine = `${claim}.${process.pid}`;
    writeFileSync(mine, '0');
    try {
      linkSync(mine, claim);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      return false;
    } finally {
      rmSync(mine, { force: true });
    }
  }

  /** Goes on with a command that was started, or makes sure that it never is by this claim. */
  async function find(execution: string): Promise<Found> {
    const known = kept.get(execution);
    if (known) return { pid: known.pid };
    const launch = launchOf(execution);
    if (!launch) return { earlier: 0 };
    if (!existsSync(join(folderOf(execution), FIFO.control))) return { earlier: launch.earlier };
    const claim = join(claims, claimName(execution, launch.earlier));
    // The wrapper of an earlier keeper may still be on its way to the claim.
    if (!claimOf(claim) && forbid(claim)) return { earlier: launch.earlier + 1 };
    await untilClaimed(claim);
    if (!adopt(execution, launch)) throw new Error('it was claimed and never started');
    return { pid: claimOf(claim)?.pid as number };
  }

  async function start(request: StartRequest): Promise<StartAnswer> {
    const { execution } = request;
    const found = await find(execution);
    if ('pid' in found) return { pid: found.pid };
    const launch = launchOf(execution);
    if (!launch) throw new Error('its launch record is not there');
    if (found.earlier > launch.earlier) {
      launch.earlier = found.earlier;
      writeFileSync(join(folderOf(execution), 'launch.json'), JSON.stringify(launch), { mode: 0o600 });
    }
    const names = [FIFO.control, FIFO.confirm, ...sourcesOf(launch).map(({ fifo }) => fifo)];
    await fifos.take(folderOf(execution), names);
    return run(request, launch);
  }

  async function untilClaimed(claim: string): Promise<void> {
    const end = performance.now() + CLAIM_WAIT_MS;
    while (!claimOf(claim) && performance.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async function run(request: StartRequest, launch: LaunchFile): Promise<StartAnswer> {
    const { execution, command, cwd, env } = request;
    const folder = folderOf(execution);
    const claim = join(claims, claimName(execution, launch.earlier));
    const one = keep(execution, launch, claim, false);
    const child = spawn('/bin/sh', wrapperArguments({ folder, claim, merge: launch.merge, command }), {
      cwd,
      env,
      detached: true,
      stdio: 'ignore',
    });
    try {
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', reject);
      });
    } catch (error) {
      one.close();
      kept.delete(execution);
      throw error;
    }
    child.unref();
    one.attach(child.pid as number, child);
    return { pid: child.pid as number };
  }

  /** What an earlier keeper left: goes on with each. */
  function adoptAll(): void {
    if (!existsSync(spool)) return;
    for (const execution of readdirSync(spool)) {
      const launch = launchOf(execution);
      if (launch) adopt(execution, launch);
    }
  }

  function pruneClaims(): void {
    for (const name of readdirSync(claims)) {
      const path = join(claims, name);
      const old = Date.now() - statSync(path).mtimeMs > CLAIM_KEPT_MS;
      const pid = claimOf(path)?.pid;
      const folder = folderOf(name.split('.')[0] as string);
      if (old && !(pid && isWrapper(pid, folder)) && !existsSync(folder)) rmSync(path, { force: true });
    }
  }

  adoptAll();
  pruneClaims();
  setInterval(pruneClaims, 3_600_000).unref();

  return {
    async handle(request) {
      if (request.op === 'start') {
        const { execution } = request;
        const under = starting.get(execution) ?? start(request).finally(() => starting.delete(execution));
        starting.set(execution, under);
        return under;
      }
      if (request.op === 'find') return starting.get(request.execution) ?? find(request.execution);
      const one = kept.get(request.execution);
      if (request.op === 'terminate') await one?.terminate(request.cause, request.graceMs);
      else one?.discard();
      return { kept: one !== undefined, uptimeS: uptime() };
    },
    count: () => kept.size + starting.size,
    blocked: () => [...kept].filter(([, one]) => one.blocked).map(([execution]) => execution),
    abandon() {
      for (const one of kept.values()) one.abandon();
    },
  };
}
