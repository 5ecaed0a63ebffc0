/** Search hits and counts as they travel. */
import { z } from 'zod';
import { StreamNameSchema } from './output.ts';

const SearchLineSchema = z
  .object({
    seq: z.int(),
    stream: StreamNameSchema,
    host: z.string().optional(),
    at: z.string(),
    text: z.string(),
  })
  .meta({ id: 'SearchLine' });
export type SearchLineJson = z.infer<typeof SearchLineSchema>;

/** Also the data of the SSE message `hit`. */
const SearchHitSchema = SearchLineSchema.extend({
  execution_id: z.string(),
  action: z.string(),
  highlights: z.array(z.tuple([z.int(), z.int()])).describe('UTF-16 ranges of `text`: start, end'),
  before: z.array(SearchLineSchema).optional(),
  after: z.array(SearchLineSchema).optional(),
}).meta({ id: 'SearchHit' });
export type SearchHitJson = z.infer<typeof SearchHitSchema>;

export const SearchPageSchema = z
  .object({
    hits: z.array(SearchHitSchema),
    cursor: z.string().optional().describe('Where the next page starts; absent on the last one'),
    scanned_bytes: z.number(),
    took_ms: z.number(),
  })
  .meta({ id: 'SearchPage' });
export type SearchPageJson = z.infer<typeof SearchPageSchema>;

const counts = z.record(z.string(), z.int());

export const SearchFacetsSchema = z
  .object({
    total: z.int(),
    complete: z.boolean().describe('False when the counts are lower bounds'),
    actions: counts,
    statuses: counts,
    streams: counts,
    histogram: z.array(z.object({ at: z.string(), count: z.int() })),
    days: counts.describe('By day of `tz`, `2026-11-23`'),
    bucket_ms: z.number(),
  })
  .meta({ id: 'SearchFacets' });
export type SearchFacetsJson = z.infer<typeof SearchFacetsSchema>;
