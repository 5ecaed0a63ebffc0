/**
 * Where packs lie on disk. Every path that a pack or a request names goes through `file`, both when it is listed and when it
 * is about to run, so nothing outside the pack's own folder can be reached.
 */
import { existsSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ServiceError } from '../lib/errors.ts';
import { isInside, type Pack, packFile } from './pack.ts';
import { packConfigSecrets, readPackConfig } from './pack-config.ts';

export interface Packs {
  /** Sorted by name. Packs of one name in several folders are parts of one pack; files of later folders win. */
  list(): Promise<Pack[]>;
  /**
   * The last part of the pack that has the file, and the file's real path.
   * @throws ServiceError `pack-not-found`, `invalid-pack-file` when no part of the pack has the file.
   */
  locate(name: string, path: string): Promise<{ pack: Pack; path: string }>;
  /**
   * The real path of a regular file of a pack, given relative to the pack's folder.
   * @throws ServiceError `invalid-pack-file` when the file does not exist or lies outside the pack.
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

/** The folder of the built-in packs. */
export function builtInPacks(): string {
  return join(dirname(fileURLToPath(import.meta.url)), 'packs');
}

interface Root {
  given: string;
  /** With symbolic links resolved. */
  real: string;
}

/** The folders that exist. */
async function existingRoots(roots: readonly string[]): Promise<Root[]> {
  const found = await Promise.all(
    roots.map(async (root) => ({ given: resolve(root), real: await realpath(root).catch(() => '') })),
  );
  return found.filter(({ real }) => real !== '');
}

/** Undefined when there is no pack of this name, or its folder lies outside all folders of packs. */
async function findPack(root: Root, name: string, all: readonly Root[]): Promise<Pack | undefined> {
  if (!PACK_NAME.test(name)) return undefined;
  const folder = await realpath(join(root.real, name)).catch(() => undefined);
  if (folder === undefined || !existsSync(join(folder, 'actions'))) return undefined;
  if (!all.some(({ real }) => real !== folder && isInside(real, folder))) return undefined;
  return { name, folder, description: '' };
}

async function listPacks(roots: readonly string[]): Promise<Pack[]> {
  const all = await existingRoots(roots);
  const packs: Pack[] = [];
  for (const root of all) {
    const names = (await readdir(root.real).catch(() => [] as string[])).sort();
    const found = await Promise.all(names.map((name) => findPack(root, name, all)));
    packs.push(...found.filter((pack) => pack !== undefined));
  }
  return packs.sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
}

async function locate(
  roots: readonly string[],
  name: string,
  path: string,
): Promise<{ pack: Pack; path: string }> {
  const all = await existingRoots(roots);
  let reason: unknown;
  for (const root of all.toReversed()) {
    const pack = await findPack(root, name, all);
    if (!pack) continue;
    try {
      return { pack, path: await packFile(pack, path) };
    } catch (error) {
      reason ??= error;
    }
  }
  const message = `This node has no pack "${name}"; content.packs must be the same on every node`;
  throw reason ?? new ServiceError('pack-not-found', message);
}

/** @param roots folders of packs, in order of precedence from weak to strong; one that does not exist holds nothing. */
export function openPacks(roots: readonly string[]): Packs {
  async function config(pack: Pack): Promise<Record<string, unknown>> {
    return readPackConfig(
      pack,
      (await existingRoots(roots)).map(({ given }) => given),
    );
  }
  return {
    list: () => listPacks(roots),
    locate: (name, path) => locate(roots, name, path),
    file: packFile,
    config,
    configSecrets: async (pack) => packConfigSecrets(pack, await config(pack)),
    python: (pack) =>
      roots
        .toReversed()
        .map((root) => join(resolve(root), '..', 'virtualenvs', pack.name, 'bin', 'python'))
        .find((path) => existsSync(path)),
  };
}
