/** Values that several components watch: connection, notices, preferences (kept in localStorage), theme. */
import { useEffect, useState } from 'preact/hooks';
import type { ConnectionState } from '../client/subscription.ts';

export interface Cell<T> {
  get(): T;
  set(value: T): void;
  watch(listener: (value: T) => void): () => void;
}

export function cell<T>(initial: T): Cell<T> {
  let value = initial;
  const listeners = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(value, next)) return;
      value = next;
      for (const listener of [...listeners]) listener(next);
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useCell<T>(source: Cell<T>): T {
  const [value, set] = useState(source.get());
  useEffect(() => {
    set(source.get());
    return source.watch(set);
  }, [source]);
  return value;
}

/** A cell that is kept in localStorage. */
function kept<T extends string | boolean>(name: string, initial: T, allowed: readonly T[]): Cell<T> {
  const key = `linefeed.${name}`;
  let start = initial;
  try {
    const stored = localStorage.getItem(key);
    const known = allowed.find((value) => String(value) === stored);
    if (known !== undefined) start = known;
  } catch {
    // without storage the preference lasts as long as the page
  }
  const result = cell<T>(start);
  result.watch((value) => {
    try {
      localStorage.setItem(key, String(value));
    } catch {
      // as above
    }
  });
  return result;
}

export const connection = cell<ConnectionState | undefined>(undefined);
export const themeChoice = kept<'system' | 'light' | 'dark'>('theme', 'system', ['system', 'light', 'dark']);
export const wrapLines = kept<boolean>('wrap', false, [true, false]);
export const timestamps = kept<'off' | 'clock' | 'relative'>('timestamps', 'off', [
  'off',
  'clock',
  'relative',
]);

/** A short message that disappears after some seconds. Screen readers read it out. */
export const notice = cell<{ text: string; tone: 'info' | 'error' } | undefined>(undefined);
let noticeTimer: ReturnType<typeof setTimeout> | undefined;
export function tell(text: string, tone: 'info' | 'error' = 'info') {
  notice.set({ text, tone });
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => notice.set(undefined), tone === 'error' ? 8000 : 3500);
}

const dark = matchMedia('(prefers-color-scheme: dark)');
function currentTheme(): 'light' | 'dark' {
  const choice = themeChoice.get();
  if (choice !== 'system') return choice;
  return dark.matches ? 'dark' : 'light';
}
export const theme = cell<'light' | 'dark'>(currentTheme());
function applyTheme() {
  document.documentElement.dataset.theme = currentTheme();
  theme.set(currentTheme());
}
themeChoice.watch(applyTheme);
dark.addEventListener('change', applyTheme);
applyTheme();

/** The current time, updated every `everyMs`; 0 does not update it. */
export function useNow(everyMs: number): number {
  const [now, set] = useState(Date.now());
  useEffect(() => {
    if (!everyMs) return undefined;
    const timer = setInterval(() => set(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
