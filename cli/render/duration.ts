/** Numbers, durations, sizes and times for people. Pure. */
import { parseDuration } from '../../lib/duration.ts';

const NUMBER = new Intl.NumberFormat('en-US');

/** `4,210`. */
export function formatNumber(value: number): string {
  return NUMBER.format(value);
}

/** `4,210 lines`, `1 line`. */
export function formatCount(value: number, noun: string): string {
  return `${formatNumber(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `0.3s`, `12s`, `1m12s`, `2h03m`, `3d4h`. */
export function formatDuration(ms: number): string {
  if (ms < 9_950) return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, '0')}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h${String(minutes % 60).padStart(2, '0')}m`;
  return `${Math.floor(hours / 24)}d${hours % 24}h`;
}

/** `just now`, `12s ago`, `3m ago`, `5h ago`, `2d ago`. */
export function formatAge(ms: number): string {
  if (ms < 2_000) return 'just now';
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ago`;
  return `${Math.floor(seconds / 86_400)}d ago`;
}

/** `0 B`, `1.2 kB`, `34 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** An RFC 3339 time for `10m` (ago) or for a date; undefined if the text is neither. */
export function parseTime(text: string, now = Date.now()): string | undefined {
  const ago = parseDuration(text, 1000);
  const at = new Date(ago === undefined ? Date.parse(text) : now - ago);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** Local wall clock `14:03:07.123`. */
export function formatClock(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}
