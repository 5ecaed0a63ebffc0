/**
 * What a test file says about itself in comments, its helpers' comments included:
 *
 *   @needs NAME …     programs or rights it cannot do without; the names of tools/install/tools.ts
 *   @alone REASON     it measures time or memory, so nothing runs beside it
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { laneOf } from './lanes.ts';

export interface Markers {
  needs: string[];
  alone: boolean;
}

/** Files below this folder are read for markers. */
const TEST_FOLDER = /(^|\/)test\//;

const read = new Map<string, { needs: string[]; alone: boolean; imports: string[] }>();

function readOne(file: string) {
  const known = read.get(file);
  if (known) return known;
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const needs = [...text.matchAll(/^\s*(?:\/?\*+|\/\/).*?@needs ([a-z0-9 -]+)/gm)].flatMap(([, names]) =>
    (names as string).trim().split(/\s+/),
  );
  const imports = [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+\.ts)'/g)]
    .map(([, path]) => join(dirname(file), path as string))
    .filter((path) => TEST_FOLDER.test(path));
  const found = { needs, alone: /^\s*(?:\/?\*+|\/\/).*@alone\b/m.test(text), imports };
  read.set(file, found);
  return found;
}

/** The markers of a test file; what its helpers need, it needs. `alone` is said by the file itself. The stack lane needs the stack. */
export function markersOf(file: string): Markers {
  const needs = new Set<string>(laneOf(file) === 'stack' ? ['stack'] : []);
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const { needs: own, imports } = readOne(path);
    for (const name of own) needs.add(name);
    imports.forEach(visit);
  };
  visit(file);
  return { needs: [...needs].sort(), alone: readOne(file).alone };
}
