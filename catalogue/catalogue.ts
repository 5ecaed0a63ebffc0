/** The actions that can run. Each call looks at the packs on disk, so a changed file counts at once. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ActionRef } from '../events/event.ts';
import { ServiceError } from '../lib/errors.ts';
import { type ActionEntry, createActionEntries } from './action-entries.ts';
import type { LoadedAction } from './action-file.ts';
import type { ActionDescription } from './descriptions.ts';
import { builtInPacks, openPacks } from './pack-folders.ts';
import type { Runner } from './runner.ts';
import { secretNames } from './secret-parameters.ts';

interface ResolveInput {
  /** Reference or id. */
  action: string;
  parameters?: Record<string, unknown>;
  script?: string;
  /** Parameters of the execution that this one repeats. `parameters` win; immutable and unknown ones are ignored. */
  inherited?: Record<string, unknown>;
  user?: string;
  executionId?: string;
}

interface ResolvedAction {
  action: ActionRef;
  /** With defaults filled in and secrets in clear text. */
  parameters: Record<string, unknown>;
  /** Names of parameters whose values are secret. */
  secretNames: string[];
}

export interface Catalogue {
  /** Sorted by reference, broken actions included. */
  list(): Promise<ActionDescription[]>;
  get(refOrId: string): Promise<ActionDescription | undefined>;
  /** Checks a request. @throws ServiceError `action-not-found`, `action-disabled`, `invalid-action`, `validation-failed` with StackStorm's messages. */
  resolve(input: ResolveInput): Promise<ResolvedAction>;
}

interface CatalogueOptions {
  /** Folders of packs, besides the built-in one. Later folders win, action by action. */
  packs: readonly string[];
  runners: readonly Runner[];
  logger?: { warn(fields: object, message: string): void };
}

function refuseScript(message: string, script: string): never {
  throw new ServiceError('validation-failed', message, { errors: [{ path: 'script', message: script }] });
}

function checkScript(
  { ref, entryPoint }: ActionDescription,
  runner: Runner,
  script: string | undefined,
): void {
  const takesScript = runner.takesScript === true && entryPoint === '';
  if (script === undefined && takesScript) {
    refuseScript(`Action "${ref}" needs a script: send its text as "script"`, 'is required');
  }
  if (script !== undefined && !takesScript) refuseScript(`Action "${ref}" takes no script`, 'is not allowed');
}

/** @throws ServiceError when the action is broken or disabled. */
function usable({ description, loaded }: ActionEntry): LoadedAction {
  const { ref, broken, enabled } = description;
  if (!loaded) throw new ServiceError('invalid-action', `Action "${ref}" cannot be used: ${broken}`);
  if (!enabled) {
    throw new ServiceError('action-disabled', `Unable to execute. Action "${ref}" is disabled.`);
  }
  return loaded;
}

function actionRef({ ref, pack, name, runner, entryPoint, description }: ActionDescription): ActionRef {
  return {
    ref,
    pack,
    name,
    runner,
    ...(entryPoint === '' ? {} : { entryPoint }),
    ...(description === '' ? {} : { description }),
  };
}

export function createCatalogue(options: CatalogueOptions): Catalogue {
  const packs = openPacks([builtInPacks(), ...options.packs]);
  const runners = new Map(options.runners.map((runner) => [runner.name, runner]));
  const readEntries = createActionEntries({ packs, runners, logger: options.logger });
  for (const folder of options.packs) {
    if (!existsSync(folder)) {
      options.logger?.warn({ folder }, 'A folder of packs does not exist; content.packs names it');
    }
  }

  async function find(refOrId: string): Promise<ActionEntry | undefined> {
    const entries = [...(await readEntries()).values()];
    return entries.find(({ description: { ref, id } }) => ref === refOrId || id === refOrId);
  }

  return {
    async list() {
      const all = [...(await readEntries()).values()].map((entry) => entry.description);
      return all.sort((a, b) => (a.ref < b.ref ? -1 : 1));
    },
    async get(refOrId) {
      return (await find(refOrId))?.description;
    },
    async resolve({ action, parameters = {}, script, inherited = {}, user, executionId }) {
      const entry = await find(action);
      if (!entry) throw new ServiceError('action-not-found', `Action "${action}" cannot be found.`);
      const { description, pack } = entry;
      const { schemas, check } = usable(entry);
      checkScript(description, runners.get(description.runner) as Runner, script);
      if (description.entryPoint !== '') await packs.file(pack, join('actions', description.entryPoint));
      const usesConfig = JSON.stringify(schemas).includes('config_context');
      const checked = check()(parameters, inherited, {
        config_context: usesConfig ? await packs.config(pack) : {},
        action_context: { user, pack: description.pack, execution_id: executionId },
      });
      const secrets = usesConfig ? await packs.configSecrets(pack) : [];
      return {
        action: actionRef(description),
        parameters: checked,
        secretNames: secretNames(schemas, checked, secrets),
      };
    },
  };
}
