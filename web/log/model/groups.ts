/**
 * Sections that commands mark in their output, in the syntaxes of GitHub (`::group::`), Azure (`##[group]`), Buildkite
 * (`--- `, `+++ `, `~~~ `) and GitLab (`section_start:…`). Pure.
 */

export interface Marker {
  seq: number;
  kind: 'start' | 'end' | 'flat' | 'open-previous';
  title: string;
  /** The name that GitLab gives a section at its start and at its end. */
  name?: string;
  /** Whether the command asks for a closed group. */
  closed?: boolean;
  /** Milliseconds since the epoch, where known. */
  at?: number;
}

export interface Group {
  /** First and last line; the first shows the title. */
  start: number;
  end: number;
  title: string;
  depth: number;
  closed: boolean;
  durationMs?: number;
}

/** A regular expression that every marker matches, and some other lines. */
export const MARKER_PATTERN =
  '^(::(end)?group::|##\\[(end)?group\\]|(---|\\+\\+\\+|~~~) \\S|\\^\\^\\^ \\+\\+\\+|section_(start|end):\\d)';

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are removed before a line is looked at
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g;

/** The marker that a line of output is, if it is one. */
export function markerOf(seq: number, raw: string, at?: number): Marker | undefined {
  const first = raw.charCodeAt(0);
  // most lines end here: a marker begins with one of : # - + ~ ^ s or an escape
  if (![58, 35, 45, 43, 126, 94, 115, 27].includes(first)) return undefined;
  const text = raw.slice(0, 2000).replace(ESCAPES, '');
  const base = { seq, ...(at === undefined ? {} : { at }) };
  const pair = /^(?:::group::|##\[group\])(.*)/s.exec(text);
  if (pair) return { ...base, kind: 'start', title: clean(pair[1]) || 'Group' };
  if (/^(?:::endgroup::|##\[endgroup\])/.test(text)) return { ...base, kind: 'end', title: '' };
  const gitlab = /^section_(start|end):(\d+):([\w.-]+)(\[[^\]]*\])?(.*)/s.exec(text);
  if (gitlab) {
    const name = gitlab[3] ?? '';
    const stamped = { ...base, name, at: Number(gitlab[2]) * 1000 };
    if (gitlab[1] === 'end') return { ...stamped, kind: 'end', title: '' };
    const closed = /collapsed=true/.test(gitlab[4] ?? '');
    const title = clean(gitlab[5]) || name.replaceAll('_', ' ');
    return { ...stamped, kind: 'start', title, ...(closed ? { closed } : {}) };
  }
  const flat = /^(?:---|\+\+\+|~~~) (\S.*)/s.exec(text);
  if (flat) return { ...base, kind: 'flat', title: clean(flat[1]) };
  if (/^\^\^\^ \+\+\+/.test(text)) return { ...base, kind: 'open-previous', title: '' };
  return undefined;
}

function clean(text: string | undefined): string {
  return (text ?? '').replace(/[\r\n\b]+/g, ' ').trim();
}

/** `--- a/file` and `+++ b/file` on neighbouring lines begin a diff and are not sections. */
function withoutDiffs(markers: readonly Marker[]): Marker[] {
  const diff = new Set<Marker>();
  for (let i = 1; i < markers.length; i += 1) {
    const [a, b] = [markers[i - 1], markers[i]];
    if (a?.kind === 'flat' && b?.kind === 'flat' && b.seq === a.seq + 1) {
      diff.add(a);
      diff.add(b);
    }
  }
  return markers.filter((marker) => !diff.has(marker));
}

/** Groups in order of their first line. One without an end lasts until `lastSeq`. */
export function buildGroups(markers: readonly Marker[], lastSeq: number): Group[] {
  const groups: Group[] = [];
  const open: { group: Group; marker: Marker }[] = [];
  const close = (end: number, at?: number) => {
    const top = open.pop();
    if (!top) return;
    top.group.end = Math.max(top.group.start, end);
    if (at !== undefined && top.marker.at !== undefined)
      top.group.durationMs = Math.max(0, at - top.marker.at);
  };
  for (const marker of withoutDiffs(markers)) {
    const top = open[open.length - 1];
    if (marker.kind === 'open-previous') {
      if (top) top.group.closed = false;
      continue;
    }
    if (marker.kind === 'end') {
      let match = open.length - 1;
      while (match >= 0) {
        const candidate = open[match];
        if (candidate?.marker.kind === 'start' && candidate.marker.name === marker.name) break;
        match -= 1;
      }
      // an end without a start is text
      if (match < 0) continue;
      while (open.length - 1 > match) close(marker.seq - 1, marker.at);
      close(marker.seq, marker.at);
      continue;
    }
    if (marker.kind === 'flat' && top?.marker.kind === 'flat') close(marker.seq - 1, marker.at);
    const group: Group = {
      start: marker.seq,
      end: Math.max(marker.seq, lastSeq),
      title: marker.title,
      depth: open.length,
      closed: marker.closed ?? false,
    };
    groups.push(group);
    open.push({ group, marker });
  }
  return groups;
}
