/** The order of search hits, and which are shown together. Pure. */
import type { SearchHit } from '../../types.ts';

const MAX_LIVE_HITS = 500;

/** Newest executions first; lines of one execution in their order. */
export function insertHit(hits: readonly SearchHit[], hit: SearchHit): SearchHit[] {
  const isSame = (known: SearchHit) => known.execution_id === hit.execution_id && known.seq === hit.seq;
  if (hits.some(isSame)) return [...hits];
  const at = hits.findIndex((known) => known.execution_id === hit.execution_id);
  if (at < 0) return [hit, ...hits].slice(0, MAX_LIVE_HITS);
  let end = at;
  while (hits[end]?.execution_id === hit.execution_id) end += 1;
  return [...hits.slice(0, end), hit, ...hits.slice(end)].slice(-MAX_LIVE_HITS);
}

/** Joins neighbouring hits of one execution. */
export function groupHits(hits: readonly SearchHit[]): SearchHit[][] {
  const groups: SearchHit[][] = [];
  for (const hit of hits) {
    const last = groups[groups.length - 1];
    if (last?.[0]?.execution_id === hit.execution_id) last.push(hit);
    else groups.push([hit]);
  }
  return groups;
}
