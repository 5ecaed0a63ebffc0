/** Formats numbers, times and sizes. Pure. */

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** `850 ms`, `4.2 s`, `3 m 05 s`, `2 h 07 m`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${two((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** A duration without its zero parts: `7 d`, `10 m`, `1 h 30 m`. */
export function span(ms: number): string {
  return duration(ms).replace(/ 0+ [hms]$/, '');
}

/** `1.4 MB`; decimal units. */
export function bytes(n: number): string {
  if (n < 1000) return `${n} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = n;
  let unit = 'B';
  for (const next of units) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** `12.4 k`, `1.2 M`. */
export function short(n: number): string {
  if (n < 10_000) return Math.round(n * 10) / 10 === Math.round(n) ? String(Math.round(n)) : n.toFixed(1);
  if (n < 1_000_000) return `${(n / 1000).toFixed(n < 100_000 ? 1 : 0)} k`;
  return `${(n / 1_000_000).toFixed(1)} M`;
}

const two = (n: number) => String(n).padStart(2, '0');

/** `14:02:11.483` in the reader's own time zone. */
export function clock(at: number, withMs = true): string {
  const d = new Date(at);
  const base = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return withMs ? `${base}.${String(d.getMilliseconds()).padStart(3, '0')}` : base;
}

/** `2026-11-23 14:02:11` in the reader's own time zone. */
export function dateTime(at: number): string {
  const d = new Date(at);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(at, false)}`;
}

/** `+12.345` seconds, `+1:02.345` minutes, `+2:01:02.345` hours since `start`. */
export function sinceStart(at: number, start: number): string {
  const ms = Math.max(0, at - start);
  const seconds = Math.floor(ms / 1000);
  const rest = String(Math.floor(ms % 1000)).padStart(3, '0');
  if (seconds < 60) return `+${seconds}.${rest}`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `+${minutes}:${two(seconds % 60)}.${rest}`;
  return `+${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}.${rest}`;
}

/** `just now`, `5 min ago`, `3 h ago`, then the date. */
export function ago(at: number, now: number): string {
  const s = (now - at) / 1000;
  if (s < 10) return 'just now';
  if (s < 60) return `${Math.floor(s)} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ago`;
  if (s < 7 * 86_400) return `${Math.floor(s / 86_400)} d ago`;
  return dateTime(at).slice(0, 10);
}

/** The reader's time zone for the server: its name, or its present offset when the browser knows no name. */
export function timeZone(): string {
  const { timeZone: name } = new Intl.DateTimeFormat().resolvedOptions();
  if (name && name !== 'Etc/Unknown') return name;
  const ahead = -new Date().getTimezoneOffset();
  return `${ahead < 0 ? '-' : '+'}${two(Math.floor(Math.abs(ahead) / 60))}:${two(Math.abs(ahead) % 60)}`;
}

/** The first and the last instant of a day, `2026-11-23`, in the reader's own time zone. */
export function dayRange(day: string): { from: number; to: number } {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return { from: +new Date(year, month - 1, date), to: +new Date(year, month - 1, date + 1) - 1 };
}

/** One line for what an execution runs: the command of a shell action, else its parameters. */
export function commandOf(parameters: Record<string, unknown>): string {
  if (typeof parameters.cmd === 'string') return parameters.cmd;
  return Object.entries(parameters)
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
