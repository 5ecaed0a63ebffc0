/** How a command ended, as its wrapper said. */
import { constants } from 'node:os';
import type { Exited, Started } from '../../keeper/frames.ts';

export interface ExitStatus {
  exitCode: number | null;
  /** Name of the signal that ended it, where the wait status said so. */
  signal: string | null;
  /** Milliseconds since the epoch. */
  endedAt: number;
  /** How long it ran by a clock that nobody sets, in milliseconds; undefined where there is no such clock. */
  ranMs: number | undefined;
  /** False when it vanished without a word: the machine went down, or somebody killed its wrapper. */
  known: boolean;
}

function nameOf(signal: number | undefined): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
}

/** @param exited undefined when the spool says nothing of an end. */
export function exitStatusOf(
  exited: { value: Exited; at: number } | undefined,
  started: Started | undefined,
): ExitStatus {
  const { code, signal, uptimeS } = exited?.value ?? {};
  const ran = uptimeS !== undefined && started?.uptimeS !== undefined ? uptimeS - started.uptimeS : undefined;
  // A real-time signal has no name here: then the code is as the shell gave it.
  const name = nameOf(signal) ?? null;
  return {
    exitCode: name ? null : (code ?? null),
    signal: name,
    endedAt: exited?.at ?? Date.now(),
    ranMs: ran === undefined || ran < 0 ? undefined : Math.round(ran * 1000),
    known: code !== undefined,
  };
}
