/**
 * Loads the configuration: defaults, then the file, then the environment, then flags; later ones win. Frozen once loaded.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { ServiceError } from '../lib/errors.ts';
import { configFile } from './config-file.ts';
import { currentName, type Renamed, renameSections } from './old-names.ts';
import { settingList } from './setting-list.ts';
import { settings } from './settings.ts';
import { anchorPaths, leaves, put, type Tree } from './tree.ts';

export type Config = Readonly<z.output<typeof settings>> & {
  /** The source of each setting that is not a default: a file, a variable or `command line`. */
  readonly sources: Readonly<Record<string, string>>;
  /** What the user should change in the configuration: old names that it uses. */
  readonly notes: readonly string[];
};

function readTree(file: string): Tree {
  try {
    return (parseYaml(readFileSync(file, 'utf8')) as Tree | null) ?? {};
  } catch (cause) {
    const message = `${file} is not valid YAML: ${(cause as Error).message}`;
    throw new ServiceError('invalid-config', message, { cause });
  }
}

/**
 * @param overrides settings by dotted path, from command-line flags; they win over all other sources.
 * @throws ServiceError `invalid-config` naming every bad setting and its source.
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  overrides: Readonly<Record<string, unknown>> = {},
): Config {
  const sources: Record<string, string> = {};
  const notes: string[] = [];
  const note = (old: string, { name, isStackStorm }: Renamed, source: string) => {
    if (!isStackStorm) notes.push(`${old} is now called ${name} (from ${source})`);
  };
  let tree: Tree = {};
  const file = configFile(environment, overrides.data as string | undefined);
  if (file) {
    const renamed = renameSections(readTree(file), (old, setting) => note(old, setting, file));
    for (const name of leaves(renamed)) sources[name] = file;
    tree = anchorPaths(renamed, dirname(file));
  }
  const set = (name: string, value: unknown, source: string) => {
    if (value === undefined) return;
    const renamed = currentName(name, value);
    if (renamed) note(name, renamed, source);
    put(tree, renamed?.name ?? name, renamed ? renamed.value : value);
    sources[renamed?.name ?? name] = source;
  };
  for (const { name, variable } of settingList()) {
    if (variable) set(name, environment[variable], variable);
  }
  for (const [name, value] of Object.entries(overrides)) set(name, value, 'command line');

  const result = settings.safeParse(tree);
  if (!result.success) {
    const errors = result.error.issues.map((issue) => {
      const path = issue.path.join('.');
      return { path, message: `${issue.message}${sources[path] ? ` (from ${sources[path]})` : ''}` };
    });
    const text = errors.map((error) => `  ${error.path || '(top level)'}: ${error.message}`).join('\n');
    throw new ServiceError('invalid-config', `The configuration has errors:\n${text}`, { errors });
  }
  return Object.freeze({ ...result.data, data: resolve(result.data.data), sources, notes });
}
