/** Which lane a test file belongs to: its name and folder tell. */
import { globSync } from 'node:fs';

export const LANES = ['unit', 'int', 'stack', 'faults'] as const;
export type Lane = (typeof LANES)[number];

/**
 * `.test.ts` is unit; `.int.test.ts` is int, or stack in a folder that is about Kafka or Elasticsearch;
 * `.faults.test.ts` is faults.
 */
export function laneOf(file: string): Lane {
  if (file.endsWith('.faults.test.ts')) return 'faults';
  if (!file.endsWith('.int.test.ts')) return 'unit';
  return /\/(stack|kafka|elasticsearch)\//.test(file) ? 'stack' : 'int';
}

/**
 * The files of the lanes, in order of their names.
 * @param parts keeps those whose path has one of them; empty keeps all.
 */
export function filesOf(lanes: readonly Lane[], parts: readonly string[]): string[] {
  return globSync('test/**/*.test.ts')
    .filter((file) => lanes.includes(laneOf(file)))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .sort();
}
