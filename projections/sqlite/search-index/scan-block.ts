/** The lines of one stored block that match: work for the processor alone, on whatever thread. */
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

/** Null when a line goes on behind the block: whoever has the blocks behind it must scan it. */
export function scanBlock({ block, seqBefore, filter }: ScanJob, matcher: Matcher): LineMatch[] | null {
  const assembled = assemble(openBlock(block), seqBefore);
  return assembled.open.size > 0 ? null : matchLines(assembled, matcher, filter);
}

/** What a count needs of a match. */
export const counted = ({ seq, stream, at }: LineMatch): LineMatch => ({
  seq,
  stream,
  at,
  text: '',
  highlights: [],
});
