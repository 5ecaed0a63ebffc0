/** The configuration of a pack: its schema's defaults, then its files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceError } from '../lib/errors.ts';
import { readRegularFile } from '../lib/regular-file.ts';
import type { Pack } from './pack.ts';
import { readYaml, type Yaml } from './yaml.ts';

/** Configuration is read whole, for each request that needs it. */
const MAX_CONFIG_BYTES = 1_048_576;

/** Undefined when there is no such file. */
async function yamlOf(path: string, label: string): Promise<Yaml> {
  if (!existsSync(path)) return undefined;
  return readYaml((await readRegularFile(path, MAX_CONFIG_BYTES, label)).toString('utf8'), label).value;
}

function defaultsOf(schema: unknown): Record<string, unknown> {
  const defaults: Record<string, unknown> = {};
  if (schema === null || typeof schema !== 'object') return defaults;
  for (const [key, entry] of Object.entries(schema as Record<string, Yaml>)) {
    if (entry === null || typeof entry !== 'object') continue;
    if ('default' in entry) defaults[key] = entry.default;
    else if ('properties' in entry) defaults[key] = defaultsOf(entry.properties);
  }
  return defaults;
}

/** Values whose schema says `secret: true`, as text. */
function secretTexts(schema: unknown, values: unknown): string[] {
  if (schema === null || typeof schema !== 'object' || values === null || typeof values !== 'object')
    return [];
  return Object.entries(schema as Record<string, Yaml>).flatMap(([key, entry]) => {
    const value = (values as Record<string, unknown>)[key];
    if (entry === null || typeof entry !== 'object' || value === undefined || value === null) return [];
    if (entry.secret === true) return [typeof value === 'object' ? JSON.stringify(value) : String(value)];
    return secretTexts(entry.properties, value);
  });
}

const readSchema = (pack: Pack): Promise<Yaml> =>
  yamlOf(join(pack.folder, 'config.schema.yaml'), `${pack.name}/config.schema.yaml`);

/** The path of the first value that is a template of StackStorm's datastore. */
function datastoreTemplate(value: unknown): string[] | undefined {
  if (typeof value === 'string') return /\{\{[^}]*\bst2kv\b/.test(value) ? [] : undefined;
  if (value === null || typeof value !== 'object') return undefined;
  for (const [key, member] of Object.entries(value)) {
    const path = datastoreTemplate(member);
    if (path) return [key, ...path];
  }
  return undefined;
}

/**
 * @param roots the folders of packs; `configs/<pack>.yaml` beside a later one wins.
 * @throws ServiceError `invalid-pack-file` when a value is a template of StackStorm's datastore.
 */
export async function readPackConfig(pack: Pack, roots: readonly string[]): Promise<Record<string, unknown>> {
  const config = defaultsOf(await readSchema(pack));
  const files: [path: string, label: string][] = [
    [join(pack.folder, 'config.yaml'), `${pack.name}/config.yaml`],
    ...roots.map((root): [string, string] => [
      join(root, '..', 'configs', `${pack.name}.yaml`),
      `configs/${pack.name}.yaml`,
    ]),
  ];
  for (const [path, label] of files) {
    const value = await yamlOf(path, label);
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) Object.assign(config, value);
    const template = datastoreTemplate(value);
    if (template) {
      const message = `${label}: ${template.join('.')}: 'st2kv' names StackStorm's datastore, which is not part of Linefeed; write the value itself`;
      throw new ServiceError('invalid-pack-file', message);
    }
  }
  return config;
}

/** The secret values of a configuration, as text. */
export async function packConfigSecrets(pack: Pack, config: Record<string, unknown>): Promise<string[]> {
  const schema = await readSchema(pack);
  return schema === undefined ? [] : secretTexts(schema, config);
}
