/**
 * Where packs lie on disk, and what may be reached in them. Every path that comes from a pack or a request goes through
 * `file`, both when it is listed and when it is about to run; nothing outside the pack's own folder comes out of it.
 */
import { existsSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServiceError } from '../lib/errors.ts';
import { readRegularFile } from '../lib/regular-file.ts';
import { readYaml, type Yaml } from './yaml.ts';

export interface Pack {
  /** Letters, digits, `_` and `-`; the first half of an action's reference. */
  name: string;
  description: string;
  /** Its folder with symbolic links resolved. */
  folder: string;
}

export interface Packs {
  /** By name. Packs of one name in several folders are one pack in parts: a later part's files win over an earlier one's. */
  list(): Promise<Pack[]>;
  /**
   * The part of the pack that has the file, the last of them if several have, and the file's real path.
   * @throws ServiceError `validation-failed` when there is no such pack, or none of its parts has the file.
   */
  locate(name: string, path: string): Promise<{ pack: Pack; path: string }>;
  /**
   * The real path of a regular file of a pack, given relative to the pack's folder.
   * @throws ServiceError `validation-failed` when it is not there or lies outside the pack.
   */
  file(pack: Pack, path: string): Promise<string>;
  /** The pack's configuration: defaults of `config.schema.yaml`, `<pack>/config.yaml`, `<packs>/../configs/<pack>.yaml`. */
  config(pack: Pack): Promise<Record<string, unknown>>;
  /** Values in that configuration that `config.schema.yaml` marks as secret, as text. */
  configSecrets(pack: Pack): Promise<string[]>;
  /** The interpreter of the pack's own virtual environment, `<packs>/../virtualenvs/<pack>/bin/python`, if there is one. */
  python(pack: Pack): string | undefined;
}

const PACK_NAME = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;

/** A pack's configuration is read whole, at each request that needs it. */
const MAX_CONFIG_BYTES = 1_048_576;

/** Undefined when there is no such file. */
async function yamlOf(path: string, label: string): Promise<Yaml> {
  if (!existsSync(path)) return undefined;
  return readYaml((await readRegularFile(path, MAX_CONFIG_BYTES, label)).toString('utf8'), label).value;
}

/** The folder of the packs that Linefeed brings. */
export function builtInPacks(): string {
  return join(dirname(fileURLToPath(import.meta.url)), 'packs');
}

function inside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder + sep);
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

/** Texts of values whose schema says `secret: true`. */
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

/** @param roots folders of packs, in order of precedence from weak to strong; one that is not there holds nothing. */
export function openPacks(roots: readonly string[]): Packs {
  async function realRoots(): Promise<{ given: string; real: string }[]> {
    const found = await Promise.all(
      roots.map(async (root) => ({ given: resolve(root), real: await realpath(root).catch(() => '') })),
    );
    return found.filter(({ real }) => real !== '');
  }

  async function open(root: string, name: string, allowed: readonly string[]): Promise<Pack | undefined> {
    if (!PACK_NAME.test(name)) return undefined;
    const folder = await realpath(join(root, name)).catch(() => undefined);
    if (folder === undefined || !allowed.some((other) => other !== folder && inside(other, folder)))
      return undefined;
    if (!existsSync(join(folder, 'actions'))) return undefined;
    return { name, folder, description: '' };
  }

  const packs: Packs = {
    async list() {
      const found: Pack[] = [];
      const all = await realRoots();
      const allowed = all.map(({ real }) => real);
      for (const { real } of all) {
        const names = (await readdir(real).catch(() => [] as string[])).sort();
        const opened = await Promise.all(names.map((name) => open(real, name, allowed)));
        found.push(...opened.filter((pack) => pack !== undefined));
      }
      return found.sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
    },
    async locate(name, path) {
      const all = await realRoots();
      const allowed = all.map(({ real }) => real);
      let reason: unknown;
      for (const { real } of all.reverse()) {
        const pack = await open(real, name, allowed);
        if (!pack) continue;
        try {
          return { pack, path: await packs.file(pack, path) };
        } catch (error) {
          reason ??= error;
        }
      }
      throw (
        reason ??
        new ServiceError(
          'validation-failed',
          `There is no pack "${name}" here; content.packs must be the same on every node`,
        )
      );
    },
    async file(pack, path) {
      const shown = JSON.stringify(path).slice(1, -1);
      if (path === '' || path.includes('\0') || isAbsolute(path) || path.split(/[\\/]/).includes('..')) {
        throw new ServiceError(
          'validation-failed',
          `"${shown}" is not a path inside the pack ${pack.name}: it must be relative and without ".."`,
        );
      }
      const real = await realpath(join(pack.folder, path)).catch(() => undefined);
      if (real === undefined) {
        throw new ServiceError('validation-failed', `The pack ${pack.name} has no file ${shown}`);
      }
      if (!inside(pack.folder, real)) {
        throw new ServiceError(
          'validation-failed',
          `${pack.name}/${shown} leads out of the pack; files outside of it cannot be used`,
        );
      }
      if (!(await stat(real)).isFile()) {
        throw new ServiceError('validation-failed', `${pack.name}/${shown} is not a file`);
      }
      return real;
    },
    async configSecrets(pack) {
      const schema = await yamlOf(join(pack.folder, 'config.schema.yaml'), `${pack.name}/config.schema.yaml`);
      return schema === undefined ? [] : secretTexts(schema, await packs.config(pack));
    },
    async config(pack) {
      const schema = await yamlOf(join(pack.folder, 'config.schema.yaml'), `${pack.name}/config.schema.yaml`);
      const merged = defaultsOf(schema);
      const files = [[join(pack.folder, 'config.yaml'), `${pack.name}/config.yaml`]];
      for (const { given } of await realRoots()) {
        files.push([join(given, '..', 'configs', `${pack.name}.yaml`), `configs/${pack.name}.yaml`]);
      }
      for (const [path, label] of files as [string, string][]) {
        const value = await yamlOf(path, label);
        if (value !== null && typeof value === 'object' && !Array.isArray(value))
          Object.assign(merged, value);
      }
      return merged;
    },
    python(pack) {
      return [...roots]
        .reverse()
        .map((root) => join(resolve(root), '..', 'virtualenvs', pack.name, 'bin', 'python'))
        .find((path) => existsSync(path));
    },
  };
  return packs;
}
