/** A progress bar with rate and time left. Pure. */
import { formatDuration, formatNumber } from './duration.ts';

export interface Progress {
  done_events: number;
  total_events: number;
  elapsed_ms: number;
}

/** `[######----]  60% 1,200/2,000 events · 4,000/s · 2s left`, no wider than `columns`. */
export function progressLine(progress: Progress, columns: number): string {
  const { done_events: done, total_events: total, elapsed_ms: elapsed } = progress;
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const rate = elapsed > 0 ? (done * 1000) / elapsed : 0;
  const left = rate > 0 && done < total ? ` · ${formatDuration(((total - done) / rate) * 1000)} left` : '';
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
  const counts = `${formatNumber(done)}/${formatNumber(total)} events · ${formatNumber(Math.round(rate))}/s${left}`;
  const room = columns - percent.length - counts.length - 5;
  if (room >= 10) {
    const width = Math.min(40, room);
    const full = Math.round(share * width);
    return `[${'#'.repeat(full)}${'-'.repeat(width - full)}] ${percent} ${counts}`;
  }
  const short = `${percent} ${formatNumber(Math.round(rate))}/s${left}`;
  return short.slice(0, Math.max(4, columns - 1));
}
