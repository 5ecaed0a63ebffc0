/** When maintenance runs: in short steps between other calls, and not while much output arrives. */
import type { Maintenance } from './maintenance.ts';
import { createOutputRate } from './output-rate.ts';

/** Pause before it looks again whether less output arrives. */
const BUSY_PAUSE_MS = 20;

interface MaintenanceSchedule {
  /** Output was written. */
  written(bytes: number): void;
  /** There may be something to do. */
  start(): void;
  stop(): void;
}

interface MaintenanceScheduleOptions {
  /** Asked before each step. */
  indexes(): Iterable<{ maintenance: Maintenance }>;
  /** True while an index that nobody reads yet is filled, as fast as possible. */
  isRebuilding(): boolean;
}

export function maintenanceSchedule({
  indexes,
  isRebuilding,
}: MaintenanceScheduleOptions): MaintenanceSchedule {
  const rate = createOutputRate();
  let timer: NodeJS.Timeout | undefined;

  function step(): void {
    timer = undefined;
    if (!isRebuilding() && rate.isHigh()) {
      timer = setTimeout(step, BUSY_PAUSE_MS);
      return;
    }
    let more = false;
    for (const { maintenance } of indexes()) {
      try {
        more = maintenance.step() || more;
      } catch {
        // The disk is full, for example: until the next write the blocks stay as they are, and searches scan them.
      }
    }
    if (more) start();
    else rate.allIndexed();
  }

  /** A timer lets the calls that arrived meanwhile run first. */
  function start(): void {
    timer ??= setTimeout(step, 1);
  }

  return { written: rate.add, start, stop: () => clearTimeout(timer) };
}
