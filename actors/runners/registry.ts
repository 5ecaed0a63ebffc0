/** All runners: the built-in ones and those that the configuration names. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ActionDescription } from '../../catalogue/descriptions.ts';
import { builtInPacks, openPacks } from '../../catalogue/pack-folders.ts';
import type { Runner } from '../../catalogue/runner.ts';
import type { Config } from '../../config/config.ts';
import { ServiceError } from '../../lib/errors.ts';
import { localShellCmdRunner } from './local-shell-cmd.ts';
import { localShellScriptRunner } from './local-shell-script.ts';
import { noopRunner } from './noop.ts';
import { pythonScriptRunner } from './python-script.ts';
import { remoteShellCmdRunner } from './remote-shell-cmd.ts';
import { remoteShellScriptRunner } from './remote-shell-script.ts';

interface RunnersOptions {
  config: Pick<Config, 'worker' | 'content' | 'ssh' | 'data'>;
  /** The catalogue's description of an action. */
  describe(ref: string): Promise<ActionDescription | undefined>;
}

/** A module in `content.runners` exports a runner or this function as its default. */
type RunnerFactory = (options: RunnersOptions) => Runner | Promise<Runner>;

function isRunner(value: unknown): value is Runner {
  const runner = value as Runner | null;
  return (
    typeof runner?.name === 'string' &&
    typeof runner.prepare === 'function' &&
    typeof runner.parameters === 'object' &&
    runner.parameters !== null
  );
}

/** @throws ServiceError `invalid-config` that names the module. */
async function loadRunner(path: string, options: RunnersOptions): Promise<Runner> {
  const file = resolve(path);
  const fail = (why: string, cause?: unknown): never => {
    throw new ServiceError('invalid-config', `content.runners: ${file} ${why}`, { cause });
  };
  if (!existsSync(file)) fail('does not exist');
  if (!statSync(file).isFile()) fail('is not a regular file');
  let module: { default?: unknown } = {};
  try {
    module = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (cause) {
    fail(`failed to load: ${(cause as Error).message}`, cause);
  }
  const made =
    typeof module.default === 'function' ? await (module.default as RunnerFactory)(options) : module.default;
  if (!isRunner(made)) fail('does not export a runner as its default; see docs/runners.md');
  return made as Runner;
}

function interpreter(python: string): string {
  const inside = join(python, 'bin', 'python');
  return existsSync(python) && statSync(python).isDirectory() && existsSync(inside) ? inside : python;
}

/**
 * A runner from the configuration replaces a built-in one of the same name.
 * @throws ServiceError `invalid-config` when a module of `content.runners` is not a runner.
 */
export async function createRunners(options: RunnersOptions): Promise<Runner[]> {
  const { config, describe } = options;
  const packs = openPacks([builtInPacks(), ...config.content.packs]);
  const script = { packs, describe };
  const remote = {
    ...config.ssh,
    connectTimeoutMs: config.ssh.connectTimeout,
    keepaliveMs: config.ssh.keepalive,
    graceMs: config.worker.grace,
    drainMs: config.worker.drain,
    unbuffer: config.worker.unbuffer === 'auto',
  };
  const builtIn = [
    localShellCmdRunner({ describe }),
    localShellScriptRunner(script),
    remoteShellCmdRunner(remote),
    remoteShellScriptRunner({ ...remote, ...script }),
    pythonScriptRunner({
      ...script,
      python: interpreter(config.worker.python),
      datastore: join(config.data, 'datastore.json'),
    }),
    noopRunner(),
  ];
  const others = await Promise.all(config.content.runners.map((path) => loadRunner(path, options)));
  const all = new Map([...builtIn, ...others].map((runner) => [runner.name, runner]));
  return [...all.values()];
}
