/** Finds the matching lines of one stored block. Needs no database, so it runs on any thread. */
import { assemble } from '../../search/assemble.ts';
import { type LineFilter, type LineMatch, matchLines } from '../../search/match-lines.ts';
import type { Matcher } from '../../search/matcher.ts';
import { openBlock, type StoredBlock } from '../store/stored-block.ts';

export interface ScanJob {
  block: StoredBlock;
  /** Highest line number in front of the block. */
  seqBefore: number;
  filter: LineFilter;
}

/** Null when a line continues in the next block: the caller, which has that block, must scan this one. */
export function scanBlock({ block, seqBefore, filter }: ScanJob, matcher: Matcher): LineMatch[] | null {
  const assembled = assemble(openBlock(block), seqBefore);
  return assembled.open.size > 0 ? null : matchLines(assembled, matcher, filter);
}

/** The fields of a match that a count needs. */
export const counted = ({ seq, stream, at }: LineMatch): LineMatch => ({
  seq,
  stream,
  at,
  text: '',
  highlights: [],
});
