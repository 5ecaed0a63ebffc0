/**
 * The actions that can be run: what the packs on disk say at the moment of asking. A file is read again when its size or
 * time has changed; a broken one is listed with its error and harms no other.
 */
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ActionRef } from '../events/event.ts';
import { ServiceError } from '../lib/errors.ts';
import { readRegularFile } from '../lib/regular-file.ts';
import { brokenAction, type LoadedAction, loadAction } from './action-file.ts';
import type { ActionDescription } from './descriptions.ts';
import { builtInPacks, openPacks, type Pack, type Packs } from './pack-folders.ts';
import { secretNames } from './parameters.ts';
import type { Runner } from './runner.ts';

export interface ResolveInput {
  /** Reference or id. */
  action: string;
  parameters?: Record<string, unknown>;
  script?: string;
  /** Parameters of an execution that this one repeats: weaker than `parameters`, ignored where immutable or unknown. */
  inherited?: Record<string, unknown>;
  user?: string;
  executionId?: string;
}

export interface ResolvedAction {
  action: ActionRef;
  /** With defaults filled in and secrets in clear. */
  parameters: Record<string, unknown>;
  /** Names of parameters whose values are secret. */
  secretNames: string[];
}

export interface Catalogue {
  /** By reference, broken ones included. */
  list(): Promise<ActionDescription[]>;
  get(refOrId: string): Promise<ActionDescription | undefined>;
  /** @throws ServiceError `action-not-found`, `validation-failed` with StackStorm's words. */
  resolve(input: ResolveInput): Promise<ResolvedAction>;
}

export interface CatalogueOptions {
  /** Folders of packs besides the built-in one; later ones win, action by action. */
  packs: readonly string[];
  runners: readonly Runner[];
  logger?: { warn(fields: object, message: string): void };
}

interface Entry {
  pack: Pack;
  stamp: string;
  loaded?: LoadedAction;
  description: ActionDescription;
}

/** An action file larger than this is refused: it is read whole, and at each change. */
const MAX_FILE_BYTES = 1_048_576;
/** Files read together: parsing them takes some milliseconds, after which others have their turn. */
const FILES_AT_ONCE = 16;

export function createCatalogue(options: CatalogueOptions): Catalogue {
  const packs: Packs = openPacks([builtInPacks(), ...options.packs]);
  for (const folder of options.packs) {
    if (!existsSync(folder))
      options.logger?.warn({ folder }, 'A folder of packs is not there: content.packs names it');
  }
  const runners = new Map(options.runners.map((runner) => [runner.name, runner]));
  /** By path of the file. */
  let entries = new Map<string, Entry>();
  let scan: Promise<Map<string, Entry>> | undefined;
  let waiting: Promise<Map<string, Entry>> | undefined;

  async function read(pack: Pack, file: string): Promise<[string, Entry]> {
    const path = join(pack.folder, 'actions', file);
    const label = `${pack.name}/actions/${file}`;
    const known = entries.get(path);
    let stamp = 'unreadable';
    try {
      const facts = await stat(path);
      stamp = `${facts.ino}/${facts.size}/${facts.mtimeMs}`;
      if (known?.stamp === stamp) return [path, known];
      const real = await packs.file(pack, join('actions', file));
      const text = (await readRegularFile(real, MAX_FILE_BYTES, label)).toString('utf8');
      const loaded = loadAction(text, label, pack.name, runners);
      return [path, { pack, stamp, loaded, description: loaded.description }];
    } catch (cause) {
      const error = cause instanceof ServiceError ? cause.message : `${label}: ${(cause as Error).message}`;
      if (known?.stamp === stamp && known.description.broken) return [path, known];
      options.logger?.warn({ file: label }, `An action cannot be used: ${error}`);
      return [
        path,
        { pack, stamp, description: brokenAction(pack.name, file.replace(/\.ya?ml$/, ''), error) },
      ];
    }
  }

  async function readAll(): Promise<Map<string, Entry>> {
    const found = new Map<string, Entry>();
    const refs = new Map<string, string>();
    for (const pack of await packs.list()) {
      const names = await readdir(join(pack.folder, 'actions')).catch(() => [] as string[]);
      const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
      const present: [string, Entry][] = [];
      for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
        const some = files.slice(at, at + FILES_AT_ONCE);
        present.push(...(await Promise.all(some.map((file) => read(pack, file)))));
      }
      for (const [path, entry] of present) {
        const { ref } = entry.description;
        const other = refs.get(ref);
        const twice = other !== undefined && found.get(other)?.pack.folder === pack.folder;
        if (other !== undefined && !twice) found.delete(other);
        if (!twice) {
          refs.set(ref, path);
          found.set(path, entry);
        } else {
          const error = `${pack.name}: ${path.split('/').at(-1)} and ${other.split('/').at(-1)} both describe the action ${ref}`;
          found.set(other, {
            pack,
            stamp: 'twice',
            description: brokenAction(pack.name, entry.description.name, error),
          });
        }
      }
    }
    entries = found;
    return found;
  }

  /** Callers at the same time share one look at the disk, but never one that began before they asked. */
  function look(): Promise<Map<string, Entry>> {
    if (waiting) return waiting;
    if (!scan) return begin();
    waiting = scan
      .catch(() => undefined)
      .then(() => {
        waiting = undefined;
        return begin();
      });
    return waiting;
  }

  function begin(): Promise<Map<string, Entry>> {
    const mine = readAll().finally(() => {
      if (scan === mine) scan = undefined;
    });
    scan = mine;
    return mine;
  }

  async function find(refOrId: string): Promise<Entry | undefined> {
    for (const entry of (await look()).values()) {
      if (entry.description.ref === refOrId || entry.description.id === refOrId) return entry;
    }
    return undefined;
  }

  function checkScript(description: ActionDescription, runner: Runner, script: string | undefined): void {
    const { ref, entryPoint } = description;
    if (script === undefined) {
      if (runner.takesScript && entryPoint === '') {
        throw new ServiceError(
          'validation-failed',
          `Action "${ref}" needs a script: send its text as "script"`,
          {
            errors: [{ path: 'script', message: 'is required' }],
          },
        );
      }
      return;
    }
    if (!runner.takesScript || entryPoint !== '') {
      throw new ServiceError('validation-failed', `Action "${ref}" takes no script`, {
        errors: [{ path: 'script', message: 'is not allowed' }],
      });
    }
  }

  return {
    async list() {
      const all = [...(await look()).values()].map((entry) => entry.description);
      return all.sort((a, b) => (a.ref < b.ref ? -1 : 1));
    },
    async get(refOrId) {
      return (await find(refOrId))?.description;
    },
    async resolve({ action: asked, parameters = {}, script, inherited = {}, user, executionId }) {
      const entry = await find(asked);
      if (!entry) throw new ServiceError('action-not-found', `Action "${asked}" cannot be found.`);
      const { description, loaded } = entry;
      if (!loaded) {
        throw new ServiceError(
          'validation-failed',
          `Action "${description.ref}" cannot be used: ${description.broken}`,
        );
      }
      if (!description.enabled) {
        throw new ServiceError(
          'validation-failed',
          `Unable to execute. Action "${description.ref}" is disabled.`,
        );
      }
      const runner = runners.get(description.runner) as Runner;
      checkScript(description, runner, script);
      const { pack } = entry;
      if (description.entryPoint !== '') await packs.file(pack, join('actions', description.entryPoint));
      const usesConfig = JSON.stringify(loaded.schemas).includes('config_context');
      const checked = loaded.check()(parameters, inherited, {
        config_context: usesConfig ? await packs.config(pack) : {},
        action_context: { user, pack: description.pack, execution_id: executionId },
      });
      return {
        action: {
          ref: description.ref,
          pack: description.pack,
          name: description.name,
          runner: description.runner,
          ...(description.entryPoint === '' ? {} : { entryPoint: description.entryPoint }),
          ...(description.description === '' ? {} : { description: description.description }),
        },
        parameters: checked,
        secretNames: secretNames(loaded.schemas, checked, usesConfig ? await packs.configSecrets(pack) : []),
      };
    },
  };
}
