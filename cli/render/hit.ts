/** Formats a search hit: its location, then the line with its matches marked. Pure. */

import type { SearchHitJson, SearchLineJson } from '../../wire/search.ts';
import type { Style } from './style.ts';
import { safeLine, terminalText } from './terminal-text.ts';

function safe(text: string): string {
  return terminalText({ sgr: false }).write(text);
}

/** The line with its matches coloured. Each segment is made safe separately, so that ranges stay correct. */
export function highlight(
  text: string,
  ranges: readonly (readonly [number, number])[],
  style: Style,
): string {
  let out = '';
  let at = 0;
  for (const [start, end] of ranges) {
    if (start < at || end > text.length) continue;
    out += safe(text.slice(at, start)) + style(safe(text.slice(start, end)), 'red', 'bold');
    at = end;
  }
  return out + safe(text.slice(at));
}

interface HitOptions {
  /** Text before `seq`, for pipes: each line names its execution. */
  id?: string;
  /** True makes output safe for a terminal and colours matches. */
  terminal: boolean;
  style: Style;
  time?: (at: string) => string;
}

/** The lines of one hit with its context, as in grep: `:` marks the hit, `-` its context. */
export function hitLines(hit: SearchHitJson, options: HitOptions): string[] {
  const { style } = options;
  const line = (one: SearchLineJson, mark: ':' | '-', text: string) => {
    const id = options.id === undefined ? '' : `${options.id}${mark}`;
    const host = one.host === undefined ? '' : `${safeLine(one.host)}${mark}`;
    const time = options.time ? `${options.time(one.at)} ` : '';
    return `${style(`${id}${host}`, 'magenta')}${style(String(one.seq), 'green')}${style(mark, 'cyan')} ${time}${text}`;
  };
  const plain = (text: string) => (options.terminal ? safe(text) : text);
  return [
    ...(hit.before ?? []).map((one) => line(one, '-', plain(one.text))),
    line(hit, ':', options.terminal ? highlight(hit.text, hit.highlights, style) : hit.text),
    ...(hit.after ?? []).map((one) => line(one, '-', plain(one.text))),
  ];
}
